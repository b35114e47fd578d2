#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes keys for development: an authority whose certificate images trust, and a certificate of it that signs bundles.
# Keys that are there already stay. KEYS: the folder (keys). A product has its own, made and kept elsewhere.
set -e
cd "$(dirname "$0")/.."
keys=${KEYS:-keys}
[ ! -e "$keys/authority.pem" ] || [ ! -e "$keys/signing.pem" ] || exit 0
umask 077
mkdir -p "$keys"
make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/$1.key" 2>/dev/null; }
make_key authority
openssl req -x509 -new -key "$keys/authority.key" -out "$keys/authority.pem" -days 7300 -sha256 \
    -subj '/O=Biplane/CN=Biplane development authority' -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
    -addext 'keyUsage=critical,keyCertSign,cRLSign'
make_key signing
printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n' >"$keys/signing.ext"
openssl req -new -key "$keys/signing.key" -subj '/O=Biplane/CN=Biplane development signing' |
    openssl x509 -req -CA "$keys/authority.pem" -CAkey "$keys/authority.key" -CAcreateserial -days 7300 -sha256 \
        -extfile "$keys/signing.ext" -out "$keys/signing.pem" 2>/dev/null
rm -f "$keys/signing.ext" "$keys"/*.srl
chmod 644 "$keys"/*.pem
echo "keys for development are in $keys/"

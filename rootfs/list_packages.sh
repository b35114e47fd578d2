#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lists what is installed in a tree that mmdebstrap is making: name, version, architecture, SHA-256 of the package,
# licences. Called as its hook: apt of this machine looks into the tree (MMDEBSTRAP_APT_CONFIG).
set -eu
tree=$1

# Of a file that names none: the permissions that it quotes.
quoted_licences() { # FILE
    local text name words
    text=$(tr -s '[:space:]#*' ' ' <"$1")
    while read -r name words; do
        [[ $text != *"$words"* ]] || echo "$name"
    done <<'END'
MIT Permission is hereby granted, free of charge
HPND-sell-variant Permission to use, copy, modify, distribute, and sell this software
ISC Permission to use, copy, modify, and distribute this software
ISC Permission to use, copy, modify, and/or distribute this software
BSD Redistribution and use in source and binary forms
LGPL Lesser General Public
public-domain public domain
END
}

# Licences as the package's copyright file names them; files that are not in the common form tell by the texts they
# refer to, or quote.
licences() {
    local file=$tree/usr/share/doc/$1/copyright found=
    [ -e "$file" ] || return 0
    if grep -q '^Format:.*copyright-format' "$file"; then
        found=$(sed -n 's/^License: *\([^ ].*\)/\1/p' "$file" | sed 's/ \(with\|and\/or\|and\|or\) /\n/g; s/,/ /g' |
            awk '{ print $1 }')
    fi
    [ -n "$found" ] || found=$(grep -ohE 'common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9+]' "$file" | sed 's#.*/##')
    [ -n "$found" ] || found=$(quoted_licences "$file")
    [ -n "$found" ] || found="see-copyright-file"
    printf '%s\n' "$found" | LC_ALL=C sort -u | paste -sd,
}

# name=version -> sha256, from the lists that apt has just checked the signatures of
declare -A sums
while read -r name version sum; do sums[$name=$version]=$sum; done < <(
    dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Package}=${Version}\n' |
        APT_CONFIG=$MMDEBSTRAP_APT_CONFIG xargs apt-cache show |
        awk '/^Package:/ { name = $2 } /^Version:/ { version = $2 } /^SHA256:/ { print name, version, $2 }')

dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Package} ${Version} ${Architecture}\n' | LC_ALL=C sort |
    while read -r name version architecture; do
        echo "$name $version $architecture ${sums[$name=$version]:--} $(licences "$name")"
    done

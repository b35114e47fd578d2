#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian part of the image: what packages.txt names, in the versions of the lock.
#
#   rootfs/base.sh FOLDER [LOCK]
#
# FOLDER/tree is the tree, FOLDER/packages lists what is in it as the lock does. Without LOCK: the newest versions that
# the sources have. The sources are those of this machine for its own Debian release; none of it stays in the tree.
# Downloaded packages are kept in DEBS (build/image/debs). NONFREE=1: also firmware and drivers beyond Debian main.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1 lock=${2:-} debs=${DEBS:-$here/../build/image/debs}
suite=bookworm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$debs" "$folder"

components=main
[ "${NONFREE:-}" = 1 ] && components="main non-free-firmware non-free"
apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(SITE)|$(CODENAME)' 'Created-By: Packages' |
    awk -F '|' -v suite=$suite -v components="$components" \
        '$1 == "Debian" && $3 == "main" && ($2 == suite || index($2, suite "-") == 1) { print "deb", $4, $2, components }' |
    sort -u >"$work/sources"
[ -s "$work/sources" ] || { echo "this machine's apt has no sources of Debian $suite" >&2; exit 1; }

names=$(sed 's/#.*//' "$here/packages.txt")
if [ "${NONFREE:-}" = 1 ]; then
    for name in $(sed 's/#.*//' "$here/packages-nonfree.txt"); do
        case $name in
        -*) names=$(grep -vx -- "${name#-}" <<<"$names") ;;
        *) names+=" $name" ;;
        esac
    done
fi
include=$(tr -s ' \n' ',' <<<"$names" | sed 's/^,//; s/,$//')

# Every package of the lock is pinned, also those that nobody names here.
: >"$work/pins"
[ -z "$lock" ] || awk '!/^#/ && NF { printf "Package: %s\nPin: version %s\nPin-Priority: 1001\n\n", $1, $2 }' "$lock" >"$work/pins"

# What a box never needs is not unpacked: manuals, translations, kernel modules of sound cards, radios, cameras, and of
# file systems that it does not mount; what only compiles perl modules or the hardware database.
modules=()
for path in sound net/bluetooth net/wireless net/mac80211 net/nfc net/sunrpc drivers/media drivers/net/wireless \
    drivers/bluetooth drivers/iio drivers/staging drivers/isdn drivers/input/touchscreen drivers/input/joystick \
    drivers/gpu/drm/nouveau drivers/gpu/drm/radeon drivers/nfc drivers/comedi drivers/atm drivers/net/hamradio \
    drivers/net/can drivers/parport drivers/target drivers/mtd \
    fs/{xfs,btrfs,ocfs2,gfs2,ceph,smb,nfs,nfsd,jfs,reiserfs,f2fs,ntfs,ntfs3,ubifs,jffs2,afs,orangefs,coda,nilfs2,ufs,zonefs}; do
    modules+=(--dpkgopt="path-exclude=/lib/modules/*/kernel/$path/*")
done

# Not below the hooks' own quoting: mmdebstrap runs each as `sh -c`, the tree is "$1".
export INITRD=No SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}
rm -rf "$folder/tree"
mmdebstrap --quiet --variant=essential --mode=root --architectures=amd64 \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --dpkgopt='path-exclude=/usr/share/bash-completion/*' --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/perl/*/CORE/*' \
    --dpkgopt='path-exclude=/lib/udev/hwdb.d/*' "${modules[@]}" \
    --skip=download/empty,essential/unlink \
    --setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" \"\$1/var/cache/apt/archives\"" \
    --setup-hook="cp '$work/pins' \"\$1/etc/apt/preferences.d/lock\"" \
    --setup-hook="find '$debs' -name '*.deb' -exec cp -t \"\$1/var/cache/apt/archives\" {} +" \
    --customize-hook="for deb in \"\$1\"/var/cache/apt/archives/*.deb; do [ -e '$debs'/\"\${deb##*/}\" ] || cp \"\$deb\" '$debs'; done" \
    --customize-hook="'$here/list_packages.sh' \"\$1\" >'$work/packages'" \
    --include="$include" $suite "$folder/tree" "$work/sources"
mv "$work/packages" "$folder/packages"
rm -rf "$folder/tree/etc/apt" "$folder/tree/var/lib/apt" "$folder/tree/var/cache/apt"

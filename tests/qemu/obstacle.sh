#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Says what keeps this machine from building an image and starting it, with status 1. Nothing, and status 0: it can.
# What it asks for is what rootfs/base.sh and tools/testbed/qemu.py do; a fault of theirs is none of the machine's.
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
obstacle() {
    echo "$*"
    exit 1
}
unshare --mount sh -c "mount -t tmpfs none '$work' && mount -t proc none '$work'" 2>"$work/error" ||
    obstacle "a tree of Debian is built with mount, and that is not allowed here: $(tail -n 1 "$work/error")"
mknod "$work/null" c 1 3 2>"$work/error" ||
    obstacle "a tree of Debian has device files, and they cannot be made here: $(tail -n 1 "$work/error")"
if ! : 2>"$work/error" >"$work/null"; then
    obstacle "device files do not work below $work (mounted nodev?)"
fi
chroot / true 2>"$work/error" || obstacle "a tree of Debian is built with chroot, and that is not allowed here"
[ -c /dev/net/tun ] || obstacle "the machine's NICs are tap devices, and there is no /dev/net/tun"
unshare --net ip tuntap add bpq-try mode tap 2>"$work/error" ||
    obstacle "the machine's NICs are tap devices, and they cannot be made: $(tail -n 1 "$work/error")"
mkdir -p "$build"
for folder in "$build" "${TMPDIR:-/tmp}"; do
    free=$(df --output=avail -B M "$folder" | tail -n 1 | tr -dc 0-9)
    [ "$free" -ge 8000 ] || obstacle "images and disks take 8 GB, and $folder has $free MB left"
done
free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
[ "$free" -ge 3000 ] || obstacle "the virtual machine has 2 GB of memory, and $free MB are free here"
(cd "$work" && timeout 120 apt-get -q download debianutils >"$work/error" 2>&1) ||
    obstacle "the image's packages come from this machine's apt sources, which do not answer: $(grep -m 1 '^[EW]:' "$work/error")"
exit 0

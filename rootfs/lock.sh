#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Writes packages.lock (with NONFREE=1 packages-nonfree.lock): the newest versions that this machine's sources have of what
# packages.txt names and of all that it depends on, with their licences.
set -e
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "make image-lock needs root" >&2; exit 1; }
name=packages${NONFREE:+-nonfree}
base=${BUILD:-build}/image/unlocked
rootfs/base.sh "$base"
{
    echo "# The packages of the image: name, version, architecture, SHA-256, licences. Written by \`make image-lock\`."
    echo "# date $(date +%s)"
    cat "$base/packages"
} >rootfs/$name.lock.new
mv rootfs/$name.lock.new rootfs/$name.lock
rm -rf "$base"
echo "rootfs/$name.lock: $(grep -vc '^#' rootfs/$name.lock) packages"

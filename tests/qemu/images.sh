#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds what the tests flash and install: the image, and a later version whose configuration has another layout. What is
# there and not older than what it is made of stays.
set -e
cd "$(dirname "$0")/../.."
export BUILD=${BUILD:-build} LOCK=${LOCK:-loose}
first=$BUILD/image/qemu-twin next=$BUILD/image/qemu-twin-next
is_new() { # FILE: it is there, and nothing that it is made of is newer
    [ -e "$1" ] && [ -z "$(find rootfs board/boards/qemu-twin mgmt/version.h "$BUILD"/bin/biplane* "$BUILD/lib" keys \
        -newer "$1" -type f -print -quit)" ]
}
rootfs/keys.sh
is_new $first/disk.img.bmap || rootfs/image.sh qemu-twin
step=$(mktemp -d)
trap 'rm -rf "$step"' EXIT
mkdir -p "$step/usr/lib/biplane/migrations"
cat >"$step/usr/lib/biplane/migrations/2-test" <<'END'
#!/bin/sh
echo "# migrated to layout 2" >>"$1/box.cfg"
END
chmod +x "$step/usr/lib/biplane/migrations/2-test"
is_new $next/disk.img.bmap || OUT=$next VERSION=9.0 OVERLAY=$step rootfs/image.sh qemu-twin

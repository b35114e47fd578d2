#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the image of a board from the lock's packages, the overlay, and our programs.
#
#   rootfs/image.sh BOARD
#
# build/image/BOARD/ then holds disk.img (to write to a disk or stick) with disk.img.bmap, biplane-BOARD-VERSION.raucb (the
# update), root.hash, vmlinuz, and packages (what is in it,
# with licences). The same lock, programs, and certificate of the keys
# give the same root.hash. VERSION: another one than that of the programs. KEYS: folder of `make keys`. NONFREE=1: see
# base.sh. OUT: another folder. OVERLAY: one more folder that is laid over it, for tests. LOCK=loose: take what the sources have where they do not have the lock's versions any more, and say so.
set -eu
cd "$(dirname "$0")/.."
board=${1:?usage: rootfs/image.sh BOARD}
[ "$(id -u)" = 0 ] || { echo "make image needs root" >&2; exit 1; }
[ -f "board/boards/$board/image.conf" ] || { echo "there is no board \"$board\" with an image.conf" >&2; exit 1; }
. "board/boards/$board/image.conf"
build=${BUILD:-build} keys=${KEYS:-keys}
version=${VERSION:-$(sed -n 's/#define BIPLANE_VERSION "\(.*\)"/\1/p' mgmt/version.h)}
lock=rootfs/packages${NONFREE:+-nonfree}.lock
[ -e "$lock" ] || { echo "$lock is missing: make image-lock${NONFREE:+ NONFREE=1}" >&2; exit 1; }
epoch=$(sed -n 's/^# date //p' "$lock")
out=${OUT:-$build/image/$board} tree=${OUT:-$build/image/$board}/tree
say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }

# ---- Debian's part: built once for a lock, then copied
kind=${NONFREE:+nonfree-}base
base=$build/image/$kind-$(cat "$lock" rootfs/packages*.txt rootfs/base.sh rootfs/list_packages.sh | sha256sum | cut -c 1-16)
if [ ! -e "$base/packages" ]; then
    rm -rf "$build/image/$kind"-*
    SOURCE_DATE_EPOCH=$epoch rootfs/base.sh "$base" "$lock"
fi
if ! difference=$(diff <(grep -v '^#' "$lock" | awk '{ print $1, $2, $4 }') <(awk '{ print $1, $2, $4 }' "$base/packages")); then
    echo "this machine's sources give other packages than $lock:" >&2
    grep '^[<>]' <<<"$difference" | cut -d ' ' -f 1-3 >&2
    [ "${LOCK:-}" = loose ] || { echo "make image-lock writes a new lock; LOCK=loose builds without it" >&2; exit 1; }
fi
say "packages: $(wc -l <"$base/packages")"

# ---- the tree
rm -rf "$out"
mkdir -p "$out"
cp -a "$base/tree" "$tree"
cp "$base/packages" "$out/packages"
install_programs() {
    make -s install DESTDIR="$(realpath "$tree")" PREFIX=/usr
    rm -f "$tree"/usr/bin/biplane-{rtpsend,handoff-feed}
    # the names of functions stay, paths of this build go
    strip --strip-debug -R .comment -R .note.gnu.build-id "$tree"/usr/bin/biplane* "$tree"/usr/lib/biplane/*.so*
    chown -R root:root "$tree"/usr/bin/biplane* "$tree/usr/lib/biplane" "$tree/usr/share/biplane"
}
install_programs
cp -r --no-preserve=ownership rootfs/overlay/. "$tree"
[ ! -d "board/boards/$board/overlay" ] || cp -r --no-preserve=ownership "board/boards/$board/overlay/." "$tree"
[ -z "${OVERLAY:-}" ] || cp -r --no-preserve=ownership "$OVERLAY/." "$tree"

layout=$(find "$tree/usr/lib/biplane/migrations" -name '[0-9]*-*' -printf '%f\n' | sed 's/-.*//' | sort -n | tail -n 1)
mkdir -p "$tree"/{data,efi}
cat >"$tree/usr/lib/biplane/release" <<END
version=$version
board=$board
layout=${layout:-1}
oldest=$(cat rootfs/oldest_version)
END
echo "$board" >"$tree/usr/lib/biplane/board"
sed -i "s/@compatible@/$compatible/" "$tree/etc/rauc/system.conf"
cp "$keys/authority.pem" "$tree/etc/rauc/keyring.pem"
sed -i 's/^PRETTY_NAME=.*/PRETTY_NAME="Biplane '"$version ($board)"'"/' "$tree/usr/lib/os-release"
echo biplane >"$tree/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
printf 'Biplane %s\n' "$version" >"$tree/etc/issue"
: >"$tree/etc/motd"
: >"$tree/etc/machine-id"
rm -f "$tree"/etc/update-motd.d/*
ln -sf /etc/machine-id "$tree/var/lib/dbus/machine-id"

# a line asks anew after each wrong password
sed -i 's/^LOGIN_RETRIES.*/LOGIN_RETRIES 1/' "$tree/etc/login.defs"

in_tree() { SOURCE_DATE_EPOCH=$epoch LC_ALL=C chroot "$tree" "$@"; }
in_tree groupadd --system --gid 800 biplane
in_tree useradd --system --uid 800 --gid 800 --home-dir / --no-create-home --shell /usr/sbin/nologin biplane
shell=/bin/bash
if [ -x "$tree/usr/bin/biplane-console" ]; then
    shell=/usr/bin/biplane-console
    echo $shell >>"$tree/etc/shells"
fi
sed -i "s#^root:.*#root:x:0:0:root:/root:$shell#" "$tree/etc/passwd"
# passwords are the box's own
sed -i 's/^\([^:]*\):[^:]*:/\1:!*:/' "$tree/etc/shadow"
mv "$tree/etc/shadow" "$tree/usr/lib/biplane/shadow"
ln -s /data/system/shadow "$tree/etc/shadow"
ln -s /data/config "$tree/etc/biplane"
mkdir -p "$tree/var/spool"
ln -s /data/spool "$tree/var/spool/biplane"
ln -sfn ../run/systemd/resolve/resolv.conf "$tree/etc/resolv.conf"

units=(biplaned biplane-machine.socket biplane-nics biplane-migrate biplane-identity biplane-grow biplane-firewall biplane-confirm biplane-watchdog biplane-clock
    systemd-networkd systemd-resolved ssh)
masked=(nftables.service grub-common.service grub-initrd-fallback.service systemd-machine-id-commit.service
    e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer rauc-mark-good.service systemd-networkd-wait-online.service
    systemd-firstboot.service ldconfig.service)
if [ -n "$ptp_interface" ]; then
    units+=("ptp4l@$ptp_interface" "phc2sys@$ptp_interface")
    masked+=(chrony.service)
else
    units+=(chrony)
fi
if [ -n "$rig_shell" ]; then
    sed "s/@line@/$rig_shell/" rootfs/rig-shell.service >"$tree/etc/systemd/system/rig-shell.service"
    units+=(rig-shell)
fi
in_tree systemctl --quiet enable "${units[@]}"
in_tree systemctl --quiet mask "${masked[@]}"
in_tree systemctl --quiet set-default multi-user.target

# what a program needs must be in packages.txt
for file in "$tree"/usr/bin/biplane* "$tree"/usr/lib/biplane/*.so*; do
    missing=$(in_tree ldd "${file#"$tree"}" 2>/dev/null | grep 'not found' || true)
    [ -z "$missing" ] || { echo "${file#"$tree"}: $missing" >&2; exit 1; }
done

# microcode for every processor there is, not for the one that builds
if [ "${NONFREE:-}" = 1 ]; then
    printf 'IUCODE_TOOL_INITRAMFS=early\nIUCODE_TOOL_SCANCPUS=no\n' >"$tree/etc/default/intel-microcode"
    echo AMD64UCODE_INITRAMFS=early >"$tree/etc/default/amd64-microcode"
fi
kernel=$(basename "$tree"/lib/modules/*)
printf '%s\n' $disk_modules >>"$tree/etc/initramfs-tools/modules"
in_tree depmod "$kernel"
in_tree mkinitramfs -o /boot/initrd "$kernel" 2>&1 | grep -v 'fsck hook' || true
mkdir "$out/boot"
mv "$tree/boot/initrd" "$out/boot/initrd"
cp "$tree/boot/vmlinuz-$kernel" "$out/boot/vmlinuz"
cp "$out/boot/vmlinuz" "$out/vmlinuz"

# nothing that the building left, nothing that differs from one building to the next
rm -rf "$tree"/boot/* "$tree"/var/log/* "$tree"/var/cache/* "$tree"/var/lib/{apt,systemd,chrony}/* "$tree"/tmp/* "$tree"/run/* \
    "$tree"/var/tmp/* "$tree"/var/backups/* "$tree"/etc/ssh/ssh_host_* "$tree"/etc/*- "$tree"/etc/.pwd.lock \
    "$tree"/var/lib/dpkg/*-old "$tree"/var/lib/initramfs-tools "$tree"/usr/share/mime "$tree"/vmlinuz* "$tree"/initrd* \
    "$tree"/dev/* "$tree"/etc/initramfs-tools "$tree"/usr/share/initramfs-tools "$tree"/usr/share/biplane/boards/*/overlay
say "tree: $(du -sm "$tree" | cut -f 1) MiB"

# ---- root file system with its hash tree, and the boot partition that names the root hash
squash() { # TREE FILE OPTIONS...
    mksquashfs "$1" "$2" -noappend -no-progress -quiet -mkfs-time "$epoch" -all-time "$epoch" -xattrs "${@:3}" >/dev/null
}
squash "$tree" "$out/root.img" -comp zstd -Xcompression-level 9
offset=$(stat -c %s "$out/root.img")
# salt and identifier are fixed, as what they protect against (hashes made in advance) is no danger to a public image
hash=$(veritysetup format --hash-offset="$offset" --data-blocks=$((offset / 4096)) --salt="$(printf biplane | sha256sum | cut -c 1-64)" \
    --uuid=6269706c-616e-6500-0000-000000000001 "$out/root.img" "$out/root.img" | sed -n 's/^Root hash:[[:space:]]*//p')
echo "$hash" >"$out/root.hash"
cat >"$out/boot/slot.cfg" <<END
linux \$boot/vmlinuz root=/dev/mapper/biplane-root ro rootfstype=squashfs panic=10 rauc.slot=\$slot biplane.root=\$part \
biplane.hash=$hash biplane.hash-offset=$offset $kernel_arguments loglevel=4
initrd \$boot/initrd
END
squash "$out/boot" "$out/boot.img" -comp gzip -all-root
say "root: $(($(stat -c %s "$out/root.img") >> 20)) MiB, $hash"

# ---- the disk
modules="part_gpt fat squash4 linux normal configfile loadenv test echo serial terminal regexp probe gzio sleep reboot halt minicmd"
mkdir -p "$out/esp/EFI/BOOT"
cat >"$out/early.cfg" <<'END'
regexp --set=1:root "^\(([^)]*)\)" "$cmdpath"
set root=$root
configfile ($root)/EFI/BOOT/grub.cfg
END
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -p /EFI/BOOT -c "$out/early.cfg" -o "$out/esp/EFI/BOOT/BOOTX64.EFI" $modules
cp rootfs/grub.cfg "$out/esp/EFI/BOOT/grub.cfg"
grub-editenv "$out/esp/EFI/BOOT/grubenv" create
grub-editenv "$out/esp/EFI/BOOT/grubenv" set ORDER="A B" A_OK=1 A_TRY=0 B_OK=0 B_TRY=0
cat >"$out/genimage.cfg" <<END
image esp.vfat { vfat { label = "ESP" file EFI { image = "esp/EFI" } } size = ${esp_size}M }
image data.ext4 { ext4 { label = "data" use-mke2fs = true extraargs = "-b 4096 -J size=16 -E resize=1073741824" } empty = true size = ${data_size}M }
image disk.img { hdimage { partition-table-type = "gpt" align = 1M }
  partition esp { image = "esp.vfat" partition-type-uuid = "U" }
  partition boot-A { image = "boot.img" size = ${boot_size}M partition-type-uuid = "L" }
  partition boot-B { size = ${boot_size}M partition-type-uuid = "L" }
  partition root-A { image = "root.img" size = ${root_size}M partition-type-uuid = "L" }
  partition root-B { size = ${root_size}M partition-type-uuid = "L" }
  partition data { image = "data.ext4" partition-type-uuid = "L" } }
END
genimage --loglevel 0 --config "$out/genimage.cfg" --rootpath "$out/esp" --inputpath "$out" --outputpath "$out" --tmppath "$out/tmp"
bmaptool --quiet create -o "$out/disk.img.bmap" "$out/disk.img"

# ---- the update
mkdir "$out/bundle"
ln "$out/root.img" "$out/boot.img" "$out/bundle"
cp "$tree/usr/lib/biplane/release" "$out/bundle/release"
cat >"$out/bundle/manifest.raucm" <<END
[update]
compatible=$compatible
version=$version
[bundle]
format=verity
[image.rootfs]
filename=root.img
[image.boot]
filename=boot.img
END
rauc bundle --cert "$keys/signing.pem" --key "$keys/signing.key" --keyring "$keys/authority.pem" "$out/bundle" \
    "$out/biplane-$board-$version.raucb" >"$out/rauc.log" 2>&1 || { cat "$out/rauc.log" >&2; exit 1; }
rm -rf "$out"/{tmp,bundle,esp,boot,early.cfg,genimage.cfg,esp.vfat,data.ext4,rauc.log,boot.img} "$tree"
say "$out/disk.img: $(($(stat -c %s "$out/disk.img") >> 20)) MiB; $out/biplane-$board-$version.raucb: $(($(stat -c %s "$out/biplane-$board-$version.raucb") >> 20)) MiB"

# SPDX-License-Identifier: GPL-2.0-or-later
"""From a flashed disk to the menu: what a box does the first time, and what it does not let in."""
import time

from encoder import PASSWORD, PATIENCE, wait_until
from testbed import menu
from testbed.terminal import LineScreen


def test_a_password_is_set_first(encoder):
    begin = time.monotonic()
    encoder.machine.start()
    console = encoder.machine.console
    console.expect("This box has no password yet", PATIENCE)
    console.expect("New password", PATIENCE)
    encoder.measured["login"] = time.monotonic() - begin
    console.send("short\r")
    console.expect("Again")
    console.send("short\r")
    console.expect("A password has 8")
    console.expect("New password")
    console.send(PASSWORD + "\r")
    console.expect("Again")
    console.send(PASSWORD + "x\r")
    console.expect("two different ones")
    console.expect("New password")
    console.send(PASSWORD + "\r")
    console.expect("Again")
    console.send(PASSWORD + "\r")
    encoder.wait_for_shell()
    shadow = wait_until(lambda: encoder.run("grep '^root:[$]6[$]' /data/system/shadow")[1], PATIENCE, "the password")
    assert PASSWORD not in shadow


def test_everything_started(encoder):
    encoder.wait_for_api()
    assert encoder.output("systemctl --failed --no-legend --plain") == ""
    assert encoder.output("systemctl is-active biplaned biplane-nics biplane-firewall biplane-clock chrony rig-shell").split() == \
        ["active"] * 6
    assert "biplane" in encoder.output("ps -o user= -C biplaned")
    assert encoder.output("systemctl show -p NRestarts --value biplaned") == "0"


def test_the_root_file_system_is_checked_and_read_only(encoder):
    with open(f"{encoder.images}/qemu-twin/root.hash") as file:
        assert f"biplane.hash={file.read().strip()}" in encoder.output("cat /proc/cmdline")
    assert "/dev/mapper/biplane-root" in encoder.output("findmnt -no SOURCE /")
    assert "verity" in encoder.output("cat /sys/class/block/dm-0/dm/uuid").lower()
    assert encoder.run("touch /usr/x")[0] != 0


def test_the_data_partition_has_grown(encoder):
    # of a 4 GiB disk
    assert int(encoder.output("df --output=size -B M /data | tail -n 1").strip().rstrip("M")) > 2000
    assert encoder.output("stat -c '%U %a' /etc/biplane/").split() == ["biplane", "750"]


def partitions(disk):
    """name -> identifier, from the table of a GPT disk."""
    with open(disk, "rb") as file:
        file.seek(1024)
        entries = [file.read(128) for _ in range(6)]
    return {entry[56:].decode("utf-16-le").rstrip("\0"): entry[16:32] for entry in entries}


def test_partitions_are_nobody_elses(encoder):
    """By one of them the root file system is found; only the EFI partition is what it is in the image."""
    built, own = partitions(f"{encoder.images}/qemu-twin/disk.img"), partitions(encoder.machine.disk)
    assert list(built) == list(own) == ["esp", "boot-A", "boot-B", "root-A", "root-B", "data"]
    assert [name for name in built if built[name] == own[name]] == ["esp"]


def test_only_what_is_configured_comes_in(encoder):
    assert "active" not in encoder.run("systemctl is-active ssh")[1].split()
    rules = encoder.output("nft list ruleset")
    assert "policy drop" in rules and "dport 22" not in rules
    assert encoder.output("ss -Hltn 'src 0.0.0.0'") == ""


def test_logs_are_bounded(encoder):
    assert "SystemMaxUse=128M" in encoder.output("systemd-analyze cat-config systemd/journald.conf")
    assert encoder.output("ls /var/log/journal") == encoder.output("cat /etc/machine-id").strip()


def test_a_break_on_the_line_is_no_order(encoder):
    """To the kernel it could be one: with a b after it, to restart at once. And a line that is hung up often is not given up."""
    encoder.machine.monitor.command("chardev-send-break", id="console")
    encoder.machine.console.send("b")
    assert encoder.output("sleep 10; cat /proc/sys/kernel/sysrq") == "0"
    assert encoder.output("systemctl show -p StartLimitIntervalUSec --value serial-getty@ttyS0") == "0"


def test_a_wrong_password_does_not_open(encoder):
    """The line is hung up, and asks for the password that was set; with that one the menu is there. Letters are letters on a
    terminal that was left in the middle of a frame."""
    encoder.screen = LineScreen(encoder.machine.console)
    encoder.screen.stream.feed(b"\x1b(0\x0e")
    encoder.output("systemctl restart serial-getty@ttyS0")
    for word in ("", "not this one"):
        menu.wrong_password(encoder.screen, word, PATIENCE)
    begin = time.monotonic()
    menu.log_in(encoder.screen, PASSWORD, PATIENCE)
    encoder.measured["from the password to the menu"] = time.monotonic() - begin
    menu.choose(encoder.screen, "Status", "NODE", "port0", "port1", seconds=PATIENCE)
    encoder.screen.press("q")
    encoder.screen.wait("Menu", seconds=PATIENCE)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does now and then: ssh switched on, another password, a backup to a stick and back, a bundle on a
stick, a factory reset; and a box whose disk fails."""
import json
import os
import struct
import subprocess

import pytest
from encoder import CHANNEL, PASSWORD, PATIENCE, wait_until
from testbed import menu
from testbed.qemu import SSH_PORT
from testbed.terminal import LineScreen, Terminal

pytestmark = pytest.mark.long


@pytest.fixture
def screen(encoder):
    """The menu on the serial line."""
    if not encoder.screen:
        encoder.output("systemctl stop serial-getty@ttyS0")
        encoder.screen = LineScreen(encoder.machine.console)
        encoder.output(f"grep -q '^root:[$]' /data/system/shadow || echo '{PASSWORD}' | biplane-password")
        encoder.output("systemctl start serial-getty@ttyS0")
        menu.log_in(encoder.screen, PASSWORD, PATIENCE)
    return encoder.screen


def ssh_answers():
    return subprocess.run(["/usr/bin/ssh-keyscan", "-T", "20", "-p", str(SSH_PORT), "127.0.0.1"],
                          capture_output=True).stdout != b""


def ssh(folder):
    """A person at another machine, who logs in with the box's password."""
    return Terminal(["/usr/bin/ssh", "-p", str(SSH_PORT), "-o", "StrictHostKeyChecking=no", "-o",
                     f"UserKnownHostsFile={folder}/known-hosts", "-o", "PubkeyAuthentication=no", "root@127.0.0.1"])


def test_ssh_is_switched_on_in_the_menu(encoder, screen):
    """It is off until then; then it asks for the password and opens the same menu."""
    assert not ssh_answers()
    menu.choose(screen, "Network", "host_name", seconds=PATIENCE)
    menu.set_field(screen, "ssh", "true", seconds=PATIENCE)
    screen.press("q")
    menu.choose(screen, "Staged changes", "ssh", seconds=PATIENCE)
    menu.apply(screen, PATIENCE, network=True)
    screen.press("q")
    wait_until(ssh_answers, PATIENCE, "an answer of ssh")
    with ssh(encoder.folder) as person:
        person.wait("password:", seconds=PATIENCE)
        person.press(PASSWORD, "enter")
        person.wait("Menu", "Status", seconds=PATIENCE)
        menu.choose(person, "Status", CHANNEL, seconds=PATIENCE)


def test_the_password_is_changed_in_the_menu(encoder, screen):
    """Typed twice; and an empty one leaves it as it was."""
    kept = encoder.output("cat /data/system/shadow")
    menu.choose(screen, "Password", "New password", seconds=PATIENCE)
    screen.press("enter")
    screen.wait("Menu", seconds=PATIENCE)
    assert encoder.output("cat /data/system/shadow") == kept
    menu.choose(screen, "Password", "New password", seconds=PATIENCE)
    screen.press(PASSWORD, "enter")
    screen.wait("Again", seconds=PATIENCE)
    screen.press(PASSWORD, "enter")
    screen.wait("Menu", "Password", seconds=PATIENCE)
    assert encoder.output("cat /data/system/shadow") != kept


def make_stick(path):
    """FAT, as sticks are."""
    with open(path, "wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["/usr/sbin/mkfs.vfat", "-n", "STICK", path], check=True, capture_output=True)


def test_a_backup_goes_to_a_stick_and_back(encoder, screen):
    """Without passwords in it; what was changed after it is staged to be taken back. A stick that was there before biplaned
    started anew is like any other."""
    stick = os.path.join(encoder.folder, "stick.img")
    make_stick(stick)
    encoder.machine.plug_stick(stick)
    wait_until(lambda: "vfat 1" in encoder.output("lsblk -nro FSTYPE,HOTPLUG"), PATIENCE, "the stick")
    encoder.output("curl -sf -X POST --unix-socket /run/biplane/api.socket http://box/v1/media/find")
    wait_until(lambda: encoder.run("grep biplane-stick /proc/mounts")[0] == 0, PATIENCE, "the stick in its place")
    encoder.output("systemctl restart biplaned", PATIENCE)
    encoder.wait_for_api()
    menu.choose(screen, "Backup and restore", "Back up to a stick, without", seconds=PATIENCE)
    screen.choose("Back up to a stick, without")
    screen.press("enter")
    screen.wait("MB free", seconds=PATIENCE)
    screen.press("enter")
    screen.wait("Written and safe on the stick", seconds=PATIENCE)
    screen.press("enter")
    wait_until(lambda: encoder.run("grep -q biplane-stick /proc/mounts")[0] == 1, PATIENCE, "the stick to be let go of")
    name, = [line.split("/")[-1] for line in
             subprocess.run(["/usr/bin/mdir", "-b", "-i", stick], check=True, capture_output=True, text=True).stdout.split()
             if line.endswith(".backup")]
    subprocess.run(["/usr/bin/mcopy", "-n", "-i", stick, f"::{name}", encoder.folder], check=True)
    with open(os.path.join(encoder.folder, name), encoding="utf-8") as file:
        text = file.read()
    assert CHANNEL in text and all(origin.password not in text for origin in encoder.origins)
    json.loads(text)

    screen.wait("Restore from a stick", seconds=PATIENCE)
    screen.choose("Restore from a stick")
    screen.press("enter")
    screen.wait(name[:20], seconds=PATIENCE)
    screen.press("enter")
    screen.wait("nothing is staged", seconds=PATIENCE)  # it is what the box has
    screen.press("q", "q")


def test_a_bundle_on_a_stick(encoder, screen):
    """Looked at from the stick that is plugged in."""
    stick = os.path.join(encoder.folder, "stick.img")
    bundle = os.path.join(encoder.images, "qemu-twin-next", "biplane-qemu-twin-9.0.raucb")
    encoder.machine.unplug_stick()
    subprocess.run(["/usr/bin/mcopy", "-i", stick, bundle, "::biplane-9.raucb"], check=True)
    encoder.machine.plug_stick(stick)
    wait_until(lambda: "vfat 1" in encoder.output("lsblk -nro FSTYPE,HOTPLUG"), PATIENCE, "the stick")
    menu.choose(screen, "Update", "Running:", seconds=PATIENCE)
    screen.press("s")
    screen.wait("biplane-9.raucb", seconds=PATIENCE)
    screen.press("enter")
    screen.wait("this box would take it", seconds=PATIENCE)
    screen.press("q")
    encoder.machine.unplug_stick()  # without a word
    encoder.output("curl -sf -X POST --unix-socket /run/biplane/api.socket http://box/v1/media/find")
    wait_until(lambda: encoder.run("grep -q biplane-stick /proc/mounts")[0] == 1, PATIENCE, "the end of the stick that is gone")


def test_a_factory_reset_makes_it_new(encoder, screen):
    """Nothing of what it was: no channel, no password, another identity."""
    identity = encoder.output("cat /etc/machine-id")
    menu.choose(screen, "Reset, reboot", "Factory reset", seconds=PATIENCE)
    screen.choose("Factory reset")
    screen.press("enter")
    screen.wait("Type reset", seconds=PATIENCE)
    screen.press("reset", "enter")
    encoder.wait_for_reboot()
    encoder.screen = None
    screen.wait("New password", seconds=PATIENCE)
    assert encoder.output("cat /etc/machine-id") != identity
    assert encoder.api("channels") == []
    assert encoder.run("grep '^root:[$]' /data/system/shadow")[0] == 1
    assert encoder.run("test -e /data/factory-reset")[0] == 1
    assert encoder.output("systemctl --failed --no-legend --plain") == ""


def test_without_its_data_partition_it_runs_from_memory(encoder):
    """And says so. A factory reset makes a new one."""
    encoder.machine.cut()
    with open(encoder.machine.disk, "rb") as file:
        file.seek(1024 + 5 * 128)  # the sixth entry of its table
        first, last = struct.unpack("<32xQQ", file.read(48))
    subprocess.run(["/usr/bin/fallocate", "--punch-hole", "--offset", str(first * 512), "--length",
                    str((last + 1 - first) * 512), encoder.machine.disk], check=True)
    encoder.power_on()
    wait_until(lambda: "the data partition cannot be used" in encoder.output("biplanectl alerts"), PATIENCE, "the alert")
    assert encoder.output("findmnt -no FSTYPE /data") == "tmpfs"
    assert encoder.output("systemctl --failed --no-legend --plain") == ""
    encoder.output("biplane-factory-reset --yes")
    encoder.wait_for_reboot()
    assert encoder.output("findmnt -no FSTYPE /data") == "ext4"
    assert "data partition" not in encoder.output("biplanectl alerts")

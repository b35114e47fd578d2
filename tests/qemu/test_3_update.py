# SPDX-License-Identifier: GPL-2.0-or-later
"""Updates: what is refused and why, a good one on the air, one that does not come up, the way back, power cuts."""
import os
import random
import shutil
import subprocess
import time

import pytest
from encoder import CHANNEL, PATIENCE, wait_until
from testbed.bundles import foreign_keys, make_bundle
from testbed.processes import ROOT


@pytest.fixture(scope="module")
def chance():
    """The moments of the power cuts; SEED=n for others."""
    seed = int(os.environ.get("SEED") or time.time_ns() % 100_000)
    print(f"\nSEED={seed}")
    return random.Random(seed)


def cut_within(encoder, chance, seconds, what):
    """Pulls the power at some moment of these seconds, and starts the box again."""
    wait = chance.random() * seconds
    print(f"power cut {wait:.1f} s after the beginning of {what}")
    time.sleep(wait)
    encoder.machine.cut()
    encoder.measured["a start"] = encoder.power_on()
    encoder.measured["on air after a start"] = encoder.wait_on_air()
    print(f"    up after {encoder.measured['a start']:.0f} s, on the air {encoder.measured['on air after a start']:.0f} s later")


def confirmed(encoder):
    """What biplane-update says once the slot that runs was found to be good, or the other was."""
    return wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the confirmation")


@pytest.fixture(scope="module")
def good(encoder):
    return os.path.join(encoder.images, "qemu-twin-next", "biplane-qemu-twin-9.0.raucb")


def offer(encoder, name, **what):
    """A small bundle; gives its URL."""
    return encoder.bundles.offer(make_bundle(encoder.folder, name, **what))


def refused(encoder, url, reason):
    status, text = encoder.run(f"biplane-update install {url}", PATIENCE)
    assert status == 1 and reason in text, text
    return text


def test_refused(encoder, good):
    """Whatever is wrong with it, the other slot is not chosen and the channel goes on."""
    other_keys = foreign_keys(os.path.join(encoder.folder, "other-keys"))
    refused(encoder, offer(encoder, "foreign", keys=other_keys), "not signed for this box")
    refused(encoder, offer(encoder, "board", compatible="biplane-rack-2s"), "made for another board")
    refused(encoder, offer(encoder, "old", version="0.0.1"), "too old")
    is_untouched(encoder)


def is_untouched(encoder):
    status = encoder.update_status()
    assert status["slot"] == "A" and status["other_version"] == "" and not status["pending"]
    assert "nothing in the other slot" in encoder.run("biplane-update boot")[1]
    encoder.wait_on_air()


@pytest.mark.long
def test_damaged_is_refused(encoder, good):
    """Cut short, or with one bit that is not the one that was signed; also when RAUC itself is asked."""
    with open(good, "rb") as file:
        data = file.read(os.path.getsize(good) // 2)
    truncated = os.path.join(encoder.folder, "truncated.raucb")
    with open(truncated, "wb") as file:
        file.write(data)
    del data
    refused(encoder, encoder.bundles.offer(truncated), "refused")
    flipped = os.path.join(encoder.folder, "flipped.raucb")
    shutil.copyfile(good, flipped)
    with open(flipped, "r+b") as file:
        file.seek(os.path.getsize(flipped) // 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    refused(encoder, encoder.bundles.offer(flipped), "refused")
    url = offer(encoder, "older", version="9.1", release="version=0.0.1\n")
    encoder.output(f"curl -s -o /tmp/older.raucb {url}")
    assert encoder.run("rauc install /tmp/older.raucb", PATIENCE)[0] != 0
    assert "older than" in encoder.output("journalctl -b --no-pager -u rauc -o cat | tail -n 30; rm /tmp/older.raucb")
    is_untouched(encoder)


def test_good_update_on_the_air(encoder, good, chance):
    """Installed while the channel goes on; the power is cut while the new version starts the first time."""
    url = encoder.bundles.offer(good)
    before = [set(encoder.delivered(i)) for i in (0, 1)]
    begin = time.monotonic()
    text = encoder.output(f"biplane-update install {url}", PATIENCE)
    encoder.measured["update installed"] = time.monotonic() - begin
    assert "version: 9.0" in text and "signed:" in text
    assert all(set(encoder.delivered(i)) - before[i] for i in (0, 1))
    assert encoder.update_status()["other_version"] == "9.0"
    encoder.output("biplane-update boot", PATIENCE)
    cut_within(encoder, chance, encoder.measured.get("login", 90), "the restart into the new version")
    status = confirmed(encoder)
    assert status["slot"] == "B" and status["version"] == "9.0" and "is good" in status["last_update"], status
    assert f"{CHANNEL}/0 {CHANNEL}/1 on the air again" in status["last_update"]
    assert "migrated to layout 2" in encoder.output("cat /etc/biplane/box.cfg")
    assert encoder.output("systemctl --failed --no-legend --plain") == ""


def test_back_to_the_version_before(encoder, chance):
    """With its configuration; the power is cut on the way."""
    encoder.output("biplane-update rollback", PATIENCE)
    cut_within(encoder, chance, encoder.measured.get("a start", 90), "the restart into the version before")
    status = confirmed(encoder)
    assert status["slot"] == "A" and status["other_version"] == "9.0", status
    assert "layout 2" not in encoder.output("cat /etc/biplane/box.cfg")


def in_background(encoder, command):
    encoder.machine.shell.line.send(f"({command}) </dev/null &>/tmp/cut &\n")


def test_power_cut_while_it_is_written(encoder, good, chance):
    """The slot that ran still does, and the next update finds nothing in its way."""
    in_background(encoder, f"biplane-update install {encoder.bundles.offer(good)}")
    cut_within(encoder, chance, encoder.measured.get("update installed", 90), "an installation")
    status = confirmed(encoder)
    assert status["slot"] == "A" and status["other_version"] in ("", "9.0"), status
    assert encoder.output("ls /data/update/download.raucb* 2>/dev/null || true") == ""
    assert encoder.output("systemctl --failed --no-legend --plain") == ""


@pytest.mark.long
def test_update_without_a_fault_and_back(encoder, good):
    """Nothing is in its way."""
    encoder.output(f"biplane-update install {encoder.bundles.offer(good)}", PATIENCE)
    for command, slot in (("boot", "B"), ("rollback", "A")):
        encoder.output(f"biplane-update {command}", PATIENCE)
        encoder.wait_for_reboot()
        encoder.measured[f"{command}: on air after the restart"] = encoder.wait_on_air()
        status = confirmed(encoder)
        assert status["slot"] == slot and "is good" in status["last_update"], status


@pytest.mark.long
def test_power_cuts(encoder, good, chance):
    """At any moment of an update, in both directions: what is started then boots and goes on the air. CUTS=200: so many."""
    url = encoder.bundles.offer(good)
    status = encoder.update_status()
    for number in range(int(os.environ.get("CUTS", "20"))):
        if status["other_version"] and chance.random() < 0.4:
            encoder.output("biplane-update boot", PATIENCE)
            cut_within(encoder, chance, encoder.measured.get("a start", 90), f"restart {number}")
        else:
            in_background(encoder, f"biplane-update install {url} && biplane-update boot")
            cut_within(encoder, chance, 1.5 * encoder.measured.get("update installed", 90), f"update {number}")
        status = confirmed(encoder)
        print(f"    slot {status['slot']}, version {status['version']}; other: {status['other_version'] or 'nothing'}; "
              f"{status['last_update']}")
        assert encoder.output("systemctl --failed --no-legend --plain") == ""


@pytest.mark.long
def test_one_that_does_not_come_up(encoder):
    """Rightly signed, for this board, newer, and nothing in it: the box is back by itself."""
    before = encoder.update_status()["slot"]
    encoder.output(f"biplane-update install {offer(encoder, 'hollow')}", PATIENCE)
    encoder.output("biplane-update boot", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = confirmed(encoder)
    assert status["slot"] == before and "went back" in status["last_update"], status


HANGS = "#!/bin/sh\nexec sleep infinity\n"


def worse_version(encoder, files):
    """A bundle of a version that has these instead of what it should (path -> text), and a board that does not wait long for it."""
    overlay = os.path.join(encoder.folder, "overlay")
    shutil.rmtree(overlay, ignore_errors=True)
    configuration = "usr/share/biplane/boards/qemu-twin/image.conf"
    with open(os.path.join(ROOT, "board/boards/qemu-twin/image.conf"), encoding="ascii") as file:
        files = {configuration: file.read() + "confirm_seconds=90\n", **files}
    for path, text in files.items():
        path = os.path.join(overlay, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755 if text.startswith("#!") else 0o644)
    out = os.path.join(encoder.folder, "worse")
    subprocess.run([os.path.join(ROOT, "rootfs", "image.sh"), "qemu-twin"], check=True,
                   env={**os.environ, "OUT": out, "OVERLAY": overlay, "VERSION": "9.2", "LOCK": "loose"})
    return encoder.bundles.offer(os.path.join(out, "biplane-qemu-twin-9.2.raucb"))


def install_and_boot(encoder, url):
    encoder.output(f"biplane-update install {url}", PATIENCE)
    encoder.output("biplane-update boot", PATIENCE)


def is_back(encoder, slot, reason):
    """In the slot from before, on the air, and it says why."""
    encoder.wait_on_air()
    status = confirmed(encoder)
    assert status["slot"] == slot and "version 9.2 went back to" in status["last_update"], status
    assert reason in status["last_update"], status
    wait_until(lambda: "version 9.2 went back" in encoder.output("biplanectl alerts"), PATIENCE, "the alert")


@pytest.mark.long
@pytest.mark.parametrize("program, absent", (("biplaned", "biplaned"), ("biplane-encode", f"{CHANNEL}/0 {CHANNEL}/1")))
def test_one_that_does_not_go_on_the_air(encoder, program, absent):
    """It starts, but its management hangs, or its channels do not run: the box goes back by itself and says why."""
    before = encoder.update_status()["slot"]
    install_and_boot(encoder, worse_version(encoder, {f"usr/bin/{program}": HANGS}))
    encoder.machine.shell.restarting(PATIENCE)  # into it
    encoder.wait_for_reboot()  # and out of it
    is_back(encoder, before, f"there was no {absent}")


@pytest.mark.long
def test_one_that_ends_in_emergency_mode(encoder):
    """Nobody is there to type a password: it restarts, three times, and is gone back from."""
    before = encoder.update_status()["slot"]
    with open(os.path.join(ROOT, "rootfs/overlay/etc/fstab"), encoding="ascii") as file:
        broken = file.read() + "none /mnt no-such-file-system defaults 0 0\n"  # a directory that is not there would be made
    install_and_boot(encoder, worse_version(encoder, {"etc/fstab": broken}))
    for _ in range(3):
        encoder.machine.shell.restarting(PATIENCE)
    assert "emergency mode, restarts in 10 s" in encoder.machine.console.seen
    encoder.wait_for_reboot()
    is_back(encoder, before, "it did not come up")


@pytest.mark.long
def test_a_slot_that_is_used_up_gives_way(encoder, good):
    """Power that went away three times in a row while it started: the other one is on the air, an alert says why, and one can
    go back."""
    slot = encoder.update_status()["slot"]
    other = "B" if slot == "A" else "A"
    encoder.output(f"biplane-update install {encoder.bundles.offer(good)}", PATIENCE)
    encoder.output(f"grub-editenv /efi/EFI/BOOT/grubenv set ORDER='{slot} {other}' {slot}_TRY=3 {other}_OK=1 {other}_TRY=0")
    encoder.machine.cut()
    encoder.power_on()
    encoder.wait_on_air()
    assert encoder.update_status()["slot"] == other
    wait_until(lambda: f"slot {slot} did not come up in three tries: this is slot {other}" in encoder.output("biplanectl alerts"),
               PATIENCE, "the alert")
    encoder.output("biplane-update boot", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = confirmed(encoder)
    assert status["slot"] == slot and "is good" in status["last_update"], status
    assert "did not come up" not in encoder.output("biplanectl alerts")


@pytest.mark.long
def test_slots_that_are_used_up_are_counted_anew(encoder):
    """Power that went away three times in a row while a slot started must not keep it from being started ever again."""
    slot = encoder.update_status()["slot"]
    encoder.output("grub-editenv /efi/EFI/BOOT/grubenv set A_TRY=3 B_TRY=3", PATIENCE)
    encoder.machine.cut()
    encoder.power_on()
    encoder.wait_on_air()
    assert encoder.update_status()["slot"] == slot
    other = "B" if slot == "A" else "A"
    assert f"{other}_TRY=0" in encoder.output("grub-editenv /efi/EFI/BOOT/grubenv list")


def test_measured(encoder):
    """What was seen; nothing is asserted about speed."""
    print(f"\non {encoder.machine.accelerator}: " +
          ", ".join(f"{what}: {seconds:.0f} s" for what, seconds in encoder.measured.items()))

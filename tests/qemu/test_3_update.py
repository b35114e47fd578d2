# SPDX-License-Identifier: GPL-2.0-or-later
"""Updates: what is refused and why, a good one on the air, one that does not come up, the way back, power cuts."""
import os
import random
import shutil
import time

import pytest
from encoder import CHANNEL, PATIENCE, wait_until
from testbed.bundles import foreign_keys, make_bundle

# points of an update at which the power is cut
CUTS = int(os.environ.get("CUTS", "3"))


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


def test_good_update_on_the_air(encoder, good):
    url = encoder.bundles.offer(good)
    before = [set(encoder.delivered(i)) for i in (0, 1)]
    begin = time.monotonic()
    text = encoder.output(f"biplane-update install {url}", PATIENCE)
    encoder.measured["update installed"] = time.monotonic() - begin
    assert "version: 9.0" in text and "signed:" in text
    assert all(set(encoder.delivered(i)) - before[i] for i in (0, 1))
    assert encoder.update_status()["other_version"] == "9.0"
    encoder.output("biplane-update boot", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the confirmation")
    assert status["slot"] == "B" and status["version"] == "9.0" and "is good" in status["last_update"], status
    assert f"{CHANNEL}/0 {CHANNEL}/1 on the air again" in status["last_update"]
    assert "migrated to layout 2" in encoder.output("cat /etc/biplane/box.cfg")
    assert encoder.output("systemctl --failed --no-legend --plain") == ""


@pytest.mark.long
def test_back_to_the_version_before(encoder):
    encoder.output("biplane-update rollback", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the confirmation")
    assert status["slot"] == "A" and status["other_version"] == "9.0", status
    assert "layout 2" not in encoder.output("cat /etc/biplane/box.cfg")


@pytest.mark.long
def test_one_that_does_not_come_up(encoder):
    """Rightly signed, for this board, newer, and nothing in it: the box is back by itself."""
    encoder.output(f"biplane-update install {offer(encoder, 'hollow')}", PATIENCE)
    encoder.output("biplane-update boot", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the end of it")
    assert status["slot"] == "A" and "went back" in status["last_update"], status


@pytest.mark.long
def test_power_cuts(encoder, good):
    """At any moment of an update: what is started then boots and goes on the air."""
    url = encoder.bundles.offer(good)
    chance = random.Random(int(os.environ.get("SEED", "1")))
    for _ in range(CUTS):
        point = chance.random()
        if encoder.update_status()["slot"] == "A" and point < 0.8:
            encoder.machine.shell.line.send(f"(biplane-update install {url} && biplane-update boot) </dev/null &>/tmp/cut &\n")
            wait = point * 2 * encoder.measured.get("update installed", 60)
        else:
            encoder.machine.shell.line.send("biplane-update rollback </dev/null &>/tmp/cut &\n")
            wait = point * 2 * encoder.measured.get("a start", 60)
        print(f"power cut after {wait:.1f} s")
        time.sleep(wait)
        encoder.machine.cut()
        encoder.measured["a start"] = encoder.power_on()
        encoder.wait_on_air()
        wait_until(lambda: not encoder.update_status()["pending"], PATIENCE, "the end of the update")


def test_measured(encoder):
    """What was seen; nothing is asserted about speed."""
    print(f"\non {encoder.machine.accelerator}: " +
          ", ".join(f"{what}: {seconds:.0f} s" for what, seconds in encoder.measured.items()))

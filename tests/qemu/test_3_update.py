# SPDX-License-Identifier: GPL-2.0-or-later
"""Updates: what is refused and why, a good one on the air, one that does not come up, the way back, power cuts."""
import os
import random
import shutil
import subprocess
import time

import pytest
from encoder import CHANNEL, PATIENCE, wait_until
from testbed.processes import ROOT

# points of an update at which the power is cut
CUTS = int(os.environ.get("CUTS", "3"))


@pytest.fixture(scope="module")
def good(encoder):
    return os.path.join(encoder.images, "qemu-twin-next", "biplane-qemu-twin-9.0.raucb")


def make_bundle(encoder, name, compatible="biplane-qemu-twin", version="9.1", keys="keys", release=None):
    """A bundle with a right form and nothing of use in it."""
    folder = os.path.join(encoder.folder, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for image in ("root.img", "boot.img"):
        with open(os.path.join(folder, image), "wb") as file:
            file.write(random.Random(1).randbytes(1 << 20))
    with open(os.path.join(folder, "release"), "w") as file:
        file.write(release or f"version={version}\nboard=qemu-twin\nlayout=1\noldest=0\n")
    with open(os.path.join(folder, "manifest.raucm"), "w") as file:
        file.write(f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat=verity\n"
                   "[image.rootfs]\nfilename=root.img\n[image.boot]\nfilename=boot.img\n")
    path = os.path.join(encoder.folder, name + ".raucb")
    if os.path.exists(path):
        os.unlink(path)
    keys = os.path.join(ROOT, keys) if not os.path.isabs(keys) else keys
    subprocess.run(["rauc", "bundle", "--cert", f"{keys}/signing.pem", "--key", f"{keys}/signing.key", "--keyring",
                    f"{keys}/authority.pem", folder, path], check=True, capture_output=True)
    return encoder.offer(name + ".raucb", path)


def refused(encoder, url, reason):
    status, text = encoder.run(f"biplane-update install {url}", PATIENCE)
    assert status == 1 and reason in text, text
    return text


def test_refused(encoder, good):
    """Whatever is wrong with it, the other slot is not chosen and the channel goes on."""
    other_keys = os.path.join(encoder.folder, "other-keys")
    subprocess.run([os.path.join(ROOT, "rootfs", "keys.sh")], env={**os.environ, "KEYS": other_keys}, check=True)
    refused(encoder, make_bundle(encoder, "foreign", keys=other_keys), "not signed for this box")
    refused(encoder, make_bundle(encoder, "board", compatible="biplane-rack-2s"), "made for another board")
    refused(encoder, make_bundle(encoder, "old", version="0.0.1"), "too old")

    with open(good, "rb") as file:
        data = file.read(os.path.getsize(good) // 2)
    truncated = os.path.join(encoder.folder, "truncated.raucb")
    with open(truncated, "wb") as file:
        file.write(data)
    del data
    refused(encoder, encoder.offer("truncated.raucb", truncated), "refused")
    flipped = os.path.join(encoder.folder, "flipped.raucb")
    shutil.copyfile(good, flipped)
    with open(flipped, "r+b") as file:
        file.seek(os.path.getsize(flipped) // 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    refused(encoder, encoder.offer("flipped.raucb", flipped), "refused")
    # also when RAUC itself is asked
    url = make_bundle(encoder, "older", version="9.1", release="version=0.0.1\n")
    encoder.output(f"curl -s -o /tmp/older.raucb {url}")
    assert encoder.run("rauc install /tmp/older.raucb", PATIENCE)[0] != 0
    assert "older than" in encoder.output("journalctl -b --no-pager -u rauc -o cat | tail -n 30; rm /tmp/older.raucb")

    status = encoder.update_status()
    assert status["slot"] == "A" and status["other_version"] == "" and not status["pending"]
    assert "nothing in the other slot" in encoder.run("biplane-update boot")[1]
    encoder.wait_on_air()


def test_good_update_on_the_air(encoder, good):
    url = encoder.offer("good.raucb", good)
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


def test_back_to_the_version_before(encoder):
    encoder.output("biplane-update rollback", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the confirmation")
    assert status["slot"] == "A" and status["other_version"] == "9.0", status
    assert "layout 2" not in encoder.output("cat /etc/biplane/box.cfg")


def test_one_that_does_not_come_up(encoder):
    """Rightly signed, for this board, newer, and nothing in it: the box is back by itself."""
    encoder.output(f"biplane-update install {make_bundle(encoder, 'hollow')}", PATIENCE)
    encoder.output("biplane-update boot", PATIENCE)
    encoder.wait_for_reboot()
    encoder.wait_on_air()
    status = wait_until(lambda: (lambda s: not s["pending"] and s)(encoder.update_status()), PATIENCE, "the end of it")
    assert status["slot"] == "A" and "went back" in status["last_update"], status


def test_power_cuts(encoder, good):
    """At any moment of an update: what is started then boots and goes on the air."""
    url = encoder.offer("good.raucb", good)
    chance = random.Random(int(os.environ.get("SEED", "1")))
    for _ in range(CUTS):
        point = chance.random()
        if encoder.update_status()["slot"] == "A" and point < 0.8:
            encoder.machine.shell.line.send(f"(biplane-update install {url} && biplane-update boot) </dev/null &>/tmp/cut &\n")
        else:
            encoder.machine.shell.line.send("biplane-update rollback </dev/null &>/tmp/cut &\n")
        wait = point * 2 * encoder.measured.get("update installed", 60)
        print(f"power cut after {wait:.1f} s")
        time.sleep(wait)
        encoder.machine.cut()
        encoder.power_on()
        encoder.wait_on_air()
        wait_until(lambda: not encoder.update_status()["pending"], PATIENCE, "the end of the update")


def test_measured(encoder):
    """What was seen; nothing is asserted about speed."""
    print(f"\non {encoder.machine.accelerator}: " +
          ", ".join(f"{what}: {seconds:.0f} s" for what, seconds in encoder.measured.items()))

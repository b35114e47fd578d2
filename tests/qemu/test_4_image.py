# SPDX-License-Identifier: GPL-2.0-or-later
"""What is built: the same again, small enough, and nothing in it that belongs to the building machine."""
import os
import subprocess

import pytest
from testbed.processes import ROOT


@pytest.fixture(scope="module")
def images(encoder):
    return os.path.join(encoder.images, "qemu-twin")


@pytest.mark.long
def test_built_again_it_is_the_same(encoder, images):
    again = os.path.join(encoder.folder, "again")
    subprocess.run([os.path.join(ROOT, "rootfs", "image.sh"), "qemu-twin"], check=True,
                   env={**os.environ, "OUT": again, "LOCK": "loose"})
    with open(os.path.join(images, "root.hash")) as first, open(os.path.join(again, "root.hash")) as second:
        assert first.read() == second.read()
    subprocess.run(["rm", "-rf", again], check=True)


def test_sizes(images):
    assert os.path.getsize(os.path.join(images, "disk.img")) < 1.5e9
    bundle, = [name for name in os.listdir(images) if name.endswith(".raucb")]
    assert os.path.getsize(os.path.join(images, bundle)) < 300e6


def test_every_package_has_a_sum_and_a_licence(images):
    with open(os.path.join(images, "packages")) as file:
        for line in file:
            name, version, architecture, sha256, licences = line.split()
            assert len(sha256) == 64 and architecture in ("amd64", "all"), line
            assert licences and "see-copyright-file" not in licences, line


def test_which_slot_is_good_is_noted_in_place(images, tmp_path):
    """By what RAUC calls in the box: all else stays, also the file itself; what is no environment any more is made anew."""
    program = os.path.join(ROOT, "rootfs/overlay/usr/local/sbin/grub-editenv")
    file = tmp_path / "grubenv"

    def tool(*words):
        return subprocess.run([program, file, *words], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]

    tool("create")
    tool("set", "ORDER=A B", "A_OK=1", "A_TRY=2", "B_OK=0")
    node = os.stat(file)
    tool("set", "A_TRY=0", "ORDER=B A")
    assert sorted(tool("list")) == ["A_OK=1", "A_TRY=0", "B_OK=0", "ORDER=B A"]
    assert os.stat(file).st_ino == node.st_ino and os.stat(file).st_size == 1024
    file.write_bytes(b"")
    tool("set", "B_OK=1")
    assert sorted(tool("list")) == ["A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0", "ORDER=A B"]


def test_nothing_of_the_building_machine_is_in_it(encoder):
    for path in ("/etc/apt", "/var/lib/apt", "/etc/ssh/ssh_host_ed25519_key", "/etc/resolv.conf.dpkg-old"):
        assert encoder.run(f"test -e {path}")[0] == 1, path
    # nor anything made later than its packages; what is mounted over it is not it
    assert encoder.output("find /usr /etc /var/lib /boot -xdev -fstype squashfs -newermt @$(stat -c %Y /usr) -print -quit") == ""

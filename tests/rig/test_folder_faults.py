# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders that fail, as disks do: full, read-only, hanging. Each is a file system of its own, in a file; all strike at once.

Expected: the alert that fits, nothing lost, order kept, a second pipeline that never notices, recovery without help.
"""
import os
import shutil
import time

import pytest

from testbed.alert_times import AlertTimes
from testbed.box import SMALL_LADDER, channel
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.processes import run, wait_for

UNAUTHORIZED, FAILED = 6015, 6010
STRUCK_SECONDS = 8


class Disk:
    """A small ext4 of its own, mounted at `place`."""

    def __init__(self, directory, name):
        self.image, self.place = str(directory / f"{name}.img"), str(directory / name)
        self.mounted = False

    def start(self):
        os.makedirs(self.place)
        with open(self.image, "wb") as file:
            file.truncate(24 << 20)
        run("mkfs.ext4", "-q", "-m", "0", self.image)
        run("mount", "-o", "loop", self.image, self.place)
        self.mounted = True

    def stop(self):
        if self.mounted:
            run("umount", "-l", self.place)

    def fill(self):
        with open(os.path.join(self.place, "ballast"), "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def empty(self):
        os.unlink(os.path.join(self.place, "ballast"))


def make_read_only(disk):
    """The kernel refuses while any file there is open for writing, as the box's are some of the time."""
    wait_for(lambda: run("mount", "-o", "remount,ro", disk.place) is not None, 20, "a moment without a file that is written", 0.01)


FAULTS = {  # name: (what begins it, what ends it, the alert, what its message holds)
    "full": (Disk.fill, Disk.empty, FAILED, "No space left on device"),
    "read_only": (make_read_only, lambda disk: run("mount", "-o", "remount,rw", disk.place), UNAUTHORIZED, "Read-only file system"),
    "hangs": (lambda disk: run("fsfreeze", "-f", disk.place), lambda disk: run("fsfreeze", "-u", disk.place), FAILED,
              "no progress"),
}


class Stage:
    def __init__(self, directory):
        self.directory = directory
        self.disks = {name: Disk(directory, name) for name in FAULTS}
        channels = [channel(name, "studio", [(f"file://{place}/live/{name}", "") for place in
                                             (self.disks[name].place, directory / f"{name}-good")], SMALL_LADDER,
                            segment_length=1.0, hls={"index_n_segments": 60, "keep_segments": 1000},
                            connection={"cdn": "folder", "connection_retry_interval": 0.5, "restart_delay": 1.0})
                    for name in FAULTS]
        for settings in channels:
            for destination in settings["output_groups"][0]["destinations"]:
                del destination["credentials"]
        self.box = FedBox(str(directory / "box"), channels)

    def presentation(self, name, pipeline):
        place = self.directory / f"{name}-good" if pipeline else self.disks[name].place
        return Presentation(os.path.join(place, "live"), name)

    def newest(self, name, pipeline):
        return self.presentation(name, pipeline).playlist(f"{name}_180p.m3u8").numbers[-1]

    def alerts(self):
        return [alert for alert in self.box.alerts() if not alert["source"].startswith("dataplane")]

    def start(self):
        for disk in self.disks.values():
            disk.start()
        self.box.start()
        for name in FAULTS:
            for pipeline in range(2):
                wait_for(lambda: self.newest(name, pipeline) >= 2, 30, f"segments of {name}/{pipeline}")
        assert self.alerts() == []
        return self

    def stop(self):
        for name, disk in self.disks.items():
            try:
                FAULTS[name][1](disk)
            except (RuntimeError, OSError):
                pass  # it was mended already
        self.box.stop()
        for disk in self.disks.values():
            disk.stop()

    def strike(self):
        told = {}
        for name, (begin, *_) in FAULTS.items():
            begin(self.disks[name])
        times = AlertTimes()

        def all_told():
            for alert in self.alerts():
                name = alert["source"].split("/")[0]
                if alert["id"] == FAULTS[name][2] and FAULTS[name][3] in alert["message"]:
                    times.note(name)
                told.setdefault(alert["source"], set()).add(alert["id"])
            return set(times.after) == set(FAULTS)
        wait_for(all_told, 20, f"the alert of each: {told}", 0.05)
        for name, fault in FAULTS.items():
            times.print(f"folder {name}", name, fault[2])
        time.sleep(max(0.0, times.began + STRUCK_SECONDS - time.monotonic()))
        return told


@pytest.mark.skipif(not shutil.which("fsfreeze") or not os.path.exists("/dev/loop-control"), reason="no loop devices here")
def test_faults(no_studio, tmp_path):
    stage = Stage(tmp_path)
    try:
        stage.start()
        first = {name: stage.newest(name, 1) for name in FAULTS}
        assert not [source for source in stage.strike() if source.endswith("/1")], "the other destination noticed"
        for name, (_, end, *_) in FAULTS.items():
            end(stage.disks[name])
        last = {name: stage.newest(name, 1) + 1 for name in FAULTS}
        for name in FAULTS:
            wait_for(lambda: stage.newest(name, 0) >= last[name], 30, f"recovery of {name}")
        wait_for(lambda: stage.alerts() == [], 20, "the alerts cleared")
        for name in FAULTS:
            playlists = [stage.presentation(name, i).playlist(f"{name}_180p.m3u8") for i in range(2)]
            assert playlists[0].faults() == [] and set(range(first[name], last[name] + 1)) <= set(playlists[0].numbers)
            for number in range(first[name], last[name] + 1):
                one, two = (stage.presentation(name, i).segment(f"{name}_180p_{number:05d}.ts") for i in range(2))
                assert one.faults == [] and one.video_pts() == two.video_pts(), f"{one.name} differs"
            counters = [stage.box.publisher(name, i)["counters"] for i in range(2)]
            assert [key for key in counters[0] if key.startswith("dropped") and counters[0][key]] == []
            assert counters[1]["retries"] == 0
    finally:
        stage.stop()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A standard channel with all that belongs to it: two sources, a box, two origins that can misbehave."""
import os
import subprocess
import time

from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.fault_proxy import FaultProxy
from testbed.hls import Presentation, continuity_faults, inner_faults
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

ORIGIN_PORTS, PROXY_PORTS = (9101, 9102), (9201, 9202)
NAME = "rig"
SEGMENT_SECONDS = 2.0


class Studio:
    def __init__(self, directory, network, ladder=SMALL_LADDER, preset="superfast", clip=None, proxies=True,
                 keep_segments=1000, inputs=(), **more):
        self.directory, self.network, self.ladder = directory, network, ladder
        self.clip = clip or small_source()
        self.origins = [Origin(os.path.join(directory, f"origin-{i}"), port, password=f"secret-{i}")
                        for i, port in enumerate(ORIGIN_PORTS)]
        self.proxies = [FaultProxy(port, ORIGIN_PORTS[i]) for i, port in enumerate(PROXY_PORTS)] if proxies else []
        fronts = self.proxies or self.origins
        destinations = [(f"{front.url}/live/{NAME}", f"origin-{i}") for i, front in enumerate(fronts)]
        credentials = [{"name": f"origin-{i}", "user": origin.user, "password": origin.password}
                       for i, origin in enumerate(self.origins)]
        connection = {"connection_retry_interval": 1.0, "num_retries": 5, "restart_delay": 3.0, "timeout": 5}
        settings = channel(NAME, "studio", destinations, ladder, preset, SEGMENT_SECONDS,
                           hls={"keep_segments": keep_segments, "index_n_segments": 60}, connection=connection, **more)
        self.box = Box(directory, [node(name, i) for i, name in enumerate(network.interfaces)],
                       [rtp_input("studio"), rtp_input("quiet", 5002), *inputs], [settings], credentials)
        self.sender = None

    # ---- running ----
    def start(self):
        for part in (*self.origins, *self.proxies):
            part.start()
        self.box.start()
        self.start_sender()
        self.wait_playing(40)
        return self

    def start_sender(self):
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(self.clip, targets, self.network, directory=self.directory)
        self.sender.start()

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        for part in (*self.proxies, *self.origins):
            part.stop()

    def calm(self):
        """Undoes what a test may have left behind, and waits until all is well."""
        for proxy in self.proxies:
            if proxy.mode != "pass":
                proxy.set("pass")
        for path in range(2):
            for line in ("resume {}", "loss {} 0", "reorder {} 0", "duplicate {} 0", "corrupt {} 0", "bare {} 0"):
                self.sender.tell(line.format(path))
        self.wait_playing(30)

    def is_healthy(self):
        try:
            self.calm()
            return True
        except Exception:
            return False

    def wait_playing(self, seconds):
        """Both pipelines run, are locked, and each origin's newest segment is the same and new."""
        def playing():
            state = self.box.channel(NAME)
            if state["state"] != "running" or not state["locked"]:
                raise RuntimeError(f"{state['state']}, locked {state['locked']}, "
                                   f"pipelines {[(p['state'], p['segments']) for p in state['pipelines']]}")
            newest = [self.newest(i) for i in range(2)]
            if abs(newest[0] - newest[1]) > 1 or max(self.newest_age(i) for i in range(2)) > 2 * SEGMENT_SECONDS:
                raise RuntimeError(f"newest segments {newest}")
            if min(len(self.playlist(i).entries) for i in range(2)) < 3:
                raise RuntimeError("fewer than three segments so far")
            return True
        wait_for(playing, seconds, "both pipelines delivering in step", 0.25)

    # ---- what is at the origins ----
    def presentation(self, origin):
        return Presentation(os.path.join(self.origins[origin].root, "live"), NAME)

    @property
    def rungs(self):
        return [f"{NAME}_{rung}.m3u8" for rung, *_ in self.ladder]

    def playlist(self, origin, rung=None):
        return self.presentation(origin).playlist(rung or self.rungs[0])

    def newest(self, origin):
        """The newest segment number that every rung's playlist names."""
        return min(self.playlist(origin, rung).numbers[-1] for rung in self.rungs)

    def newest_age(self, origin):
        folder = os.path.join(self.origins[origin].root, "live")
        return time.time() - min(os.path.getmtime(os.path.join(folder, rung)) for rung in self.rungs)

    def wait_newest(self, origin, number, seconds):
        """Until that segment is named there; returns how long that took."""
        begin = time.monotonic()
        wait_for(lambda: self.newest(origin) >= number, seconds, f"segment {number} at origin {origin}", 0.05)
        return time.monotonic() - begin

    def faults(self, origin, first, last, discontinuities=0):
        """What is wrong with segments first..last of all rungs there: missing, damaged, not continuous, misplaced."""
        found = []
        presentation = self.presentation(origin)
        for rung in self.rungs:
            playlist = presentation.playlist(rung)
            found += playlist.faults()
            named = [entry for entry in playlist.entries if first <= entry.number <= last]
            missing = sorted(set(range(first, last + 1)) - {entry.number for entry in named})
            if missing:
                found.append(f"{rung}: the playlist lacks {missing}")
            marked = [entry.number for entry in named if entry.discontinuity]
            if len(marked) > discontinuities:
                found.append(f"{rung}: discontinuities at {marked}, expected at most {discontinuities}")
            before = None
            for entry in named:
                segment = presentation.segment(entry.name)
                found += inner_faults(segment, 3600)
                if before and before[0] == entry.number - 1 and not entry.discontinuity:
                    found += continuity_faults(before[1], segment, 3600)
                before = (entry.number, segment)
        return [f"origin {origin}: {fault}" for fault in found]

    def unequal(self, first, last):
        """Segments of both origins that do not hold the same pictures and audio frames."""
        found = []
        for rung in self.rungs:
            for number in range(first, last + 1):
                one, two = (self.presentation(i).segment(self.presentation(i).segment_name(rung, number))
                            for i in range(2))
                if one.video_pts() != two.video_pts():
                    found.append(f"{rung} {number}: pictures {one.video_pts()[:1]}..({len(one.video_pts())}) and "
                                 f"{two.video_pts()[:1]}..({len(two.video_pts())})")
                if [one.audio_times(i) for i in range(len(one.audios))] != \
                        [two.audio_times(i) for i in range(len(two.audios))]:
                    found.append(f"{rung} {number}: audio differs")
        return found

    def luma(self, origin, number, rung=None):
        """Mean luma of the first picture of a segment, 0..255."""
        presentation = self.presentation(origin)
        data = presentation.data(presentation.segment_name(rung or self.rungs[0], number))
        raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", "-frames:v", "1", "-vf",
                              "scale=1:1:flags=area,format=gray", "-f", "rawvideo", "-"], input=data,
                             stdout=subprocess.PIPE, check=True).stdout
        return raw[0]

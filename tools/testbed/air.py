# SPDX-License-Identifier: GPL-2.0-or-later
"""What is on air: a channel's HLS as it lies at its two origins, looked at as a downstream would."""
import os
import subprocess
import threading
import time

from .hls import Presentation, continuity_faults, inner_faults
from .processes import wait_for


class Air:
    """origins: one a pipeline (testbed.origin). rungs: names of the media playlists. picture_90k: a picture's length."""

    def __init__(self, origins, name, rungs, picture_90k=3600):
        self.origins, self.name, self.rungs, self.picture_90k = origins, name, list(rungs), picture_90k

    def presentation(self, origin):
        return Presentation(os.path.join(self.origins[origin].root, "live"), self.name)

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

    def faults(self, origin, first, last, discontinuities=0, joined=False):
        """What is wrong with segments first..last of all rungs there: missing, damaged, not continuous, misplaced. joined:
        what led to the first one was before (a restart, whose mark it has) or has been judged."""
        found = []
        presentation = self.presentation(origin)
        for rung in self.rungs:
            playlist = presentation.playlist(rung)
            found += playlist.faults()
            named = [entry for entry in playlist.entries if first <= entry.number <= last]
            missing = sorted(set(range(first, last + 1)) - {entry.number for entry in named})
            if missing:
                found.append(f"{rung}: the playlist lacks {missing}")
            marked = [entry.number for entry in named if entry.discontinuity and not (joined and entry.number == first)]
            if len(marked) > discontinuities:
                found.append(f"{rung}: discontinuities at {marked}, expected at most {discontinuities}")
            before = None
            for entry in named:
                segment = presentation.segment(entry.name)
                found += inner_faults(segment, self.picture_90k)
                if before and before[0] == entry.number - 1 and not entry.discontinuity:
                    found += continuity_faults(before[1], segment, self.picture_90k)
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


class Watch:
    """Judges what comes to each origin, or to some, while it comes: for what takes longer than a playlist is.

        with Watch(air) as watch:
            ...
        assert watch.faults == []
    """

    def __init__(self, air, origins=(0, 1)):
        self.air, self.origins, self.faults, self.ended = air, origins, [], threading.Event()
        self.thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self):
        self.judged = {origin: self.air.newest(origin) for origin in self.origins}
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self._judge()

    def _go_on(self):
        while not self.ended.wait(2):
            self._judge()

    def _judge(self):
        for origin in self.origins:
            newest = self.air.newest(origin)
            if newest > self.judged[origin]:
                self.faults += self.air.faults(origin, self.judged[origin], newest, joined=True)
                self.judged[origin] = newest

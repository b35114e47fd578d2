# SPDX-License-Identifier: GPL-2.0-or-later
"""HLS at an origin, read from its tree or over HTTP: playlists, segments, and what is wrong with them."""
import os
import re
import urllib.request
from datetime import datetime

from .transport_stream import Segment, difference


class Place:
    """A folder or a URL that files are read from."""

    def __init__(self, base):
        self.base = str(base).rstrip("/")
        self.is_url = self.base.startswith(("http://", "https://"))

    def read(self, name):
        if self.is_url:
            with urllib.request.urlopen(f"{self.base}/{name}", timeout=10) as answer:
                return answer.read()
        with open(os.path.join(self.base, name), "rb") as file:
            return file.read()


class Entry:
    def __init__(self, name, duration, discontinuity, date_time, sequence, gap=False):
        self.name, self.duration, self.gap = name, duration, gap  # gap: there is none
        self.discontinuity, self.date_time, self.sequence = discontinuity, date_time, sequence

    @property
    def number(self):
        return int(re.search(r"_(\d+)\.[a-z0-9]+$", self.name).group(1))


class MediaPlaylist:
    def __init__(self, text):
        self.text = text
        self.target = self.sequence = self.discontinuity_sequence = 0
        self.ended = False
        self.entries = []
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or lines[0] != "#EXTM3U":
            raise ValueError("a playlist must begin with #EXTM3U")
        duration, discontinuity, date_time, gap = None, False, None, False
        for line in lines:
            tag, _, value = line.partition(":")
            if tag == "#EXT-X-TARGETDURATION":
                self.target = int(value)
            elif tag == "#EXT-X-MEDIA-SEQUENCE":
                self.sequence = int(value)
            elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
                self.discontinuity_sequence = int(value)
            elif tag == "#EXTINF":
                duration = float(value.split(",")[0])
            elif tag == "#EXT-X-DISCONTINUITY":
                discontinuity = True
            elif tag == "#EXT-X-PROGRAM-DATE-TIME":
                date_time = datetime.fromisoformat(value.replace("Z", "+00:00"))
            elif tag == "#EXT-X-GAP":
                gap = True
            elif tag == "#EXT-X-ENDLIST":
                self.ended = True
            elif not line.startswith("#"):
                self.entries.append(Entry(line, duration, discontinuity, date_time, self.sequence + len(self.entries), gap))
                duration, discontinuity, date_time, gap = None, False, None, False

    @property
    def numbers(self):
        return [entry.number for entry in self.entries]

    def faults(self):
        """Sentences; empty: as RFC 8216 wants it."""
        found = []
        for entry in self.entries:
            if entry.duration is None:
                found.append(f"{entry.name} has no EXTINF")
            elif int(entry.duration + 0.5) > self.target:  # 2.5 s is 3 s
                found.append(f"{entry.name}: {entry.duration} s is more than the target duration {self.target} s")
        for one, two in zip(self.entries, self.entries[1:]):
            if two.number <= one.number:
                found.append(f"{two.name} stands behind {one.name}")
            elif two.number != one.number + 1 and not two.discontinuity:
                found.append(f"{two.name} stands behind {one.name} without a discontinuity")
        return found


class Variant:
    def __init__(self, uri, attributes):
        self.uri, self.attributes = uri, attributes

    @property
    def bandwidth(self):
        return int(self.attributes["BANDWIDTH"])

    @property
    def resolution(self):
        return self.attributes.get("RESOLUTION")


def master_playlist(text):
    """The variants of a master playlist, in its order."""
    variants, attributes = [], None
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = {name: value.strip('"')
                          for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])}
        elif line and not line.startswith("#") and attributes is not None:
            variants.append(Variant(line, attributes))
            attributes = None
    return variants


class Presentation:
    """Everything below one prefix: <folder>/<name>.m3u8 and what it names.

        presentation = Presentation("/srv/origin-0/live", "demo")
        for rung in presentation.rungs: presentation.playlist(rung).numbers
    """

    def __init__(self, folder, name):
        self.place, self.name = Place(folder), name

    def master(self):
        return master_playlist(self.place.read(self.name + ".m3u8").decode())

    @property
    def rungs(self):
        """File names of the media playlists, best first."""
        return [variant.uri for variant in sorted(self.master(), key=lambda item: -item.bandwidth)]

    def playlist(self, rung):
        return MediaPlaylist(self.place.read(rung).decode())

    def data(self, segment_name):
        return self.place.read(segment_name)

    def segment(self, segment_name):
        return Segment(self.data(segment_name), segment_name)

    def stored(self, rung):
        """Numbers of all segments of a rung that lie in the tree (also those that the playlist has left)."""
        prefix = rung.removesuffix(".m3u8") + "_"
        names = os.listdir(self.place.base)
        return sorted(int(name[len(prefix):-3]) for name in names
                      if name.startswith(prefix) and name.endswith(".ts") and name[len(prefix):-3].isdigit())

    def segment_name(self, rung, number):
        return f"{rung.removesuffix('.m3u8')}_{number}.ts"


def continuity_faults(before, after, frame_ticks):
    """What is wrong between two segments of one rung that follow each other."""
    found = []
    video_before, video_after = before.video_pts(), after.video_pts()
    if video_before and video_after:
        step = difference(video_after[0], video_before[-1])
        if abs(step - frame_ticks) > 1:
            found.append(f"{after.name}: its first picture is {step} ticks behind the last one of {before.name}, "
                         f"not {frame_ticks}")
    if len(before.audios) != len(after.audios):
        found.append(f"{after.name}: {len(after.audios)} audios behind {len(before.audios)}")
    found += [f"{after.name}: {fault}" for fault in after.pcr_faults(frame_ticks, before.pcrs)]
    for index in range(min(len(before.audios), len(after.audios))):
        last, first = before.audio_frames(index), after.audio_frames(index)
        if not last or not first:
            found.append(f"{after.name}: no audio")
            continue
        expected = last[-1][0] + last[-1][1] * 1920
        if abs(difference(first[0][0], expected)) > 2:
            found.append(f"{after.name}: audio begins {difference(first[0][0], expected)} ticks off")
    return found


def inner_faults(segment, frame_ticks, video=True, audio=True):
    """What is wrong within one segment: pictures and audio frames at even distances, an IDR at the start, clock references
    often enough. video, audio: there have to be some."""
    found = segment.faults + segment.pcr_faults(frame_ticks)
    if video and not segment.video_pts():
        found.append("no pictures")
    if audio and not segment.audios:
        found.append("no audio")
    if segment.video and not segment.starts_with_idr():
        found.append("does not start with parameter sets and an IDR")
    times = segment.video_pts()
    for one, two in zip(times, times[1:]):
        if abs(difference(two, one) - frame_ticks) > 1:
            found.append(f"pictures {difference(two, one)} ticks apart, not {frame_ticks}")
            break
    if segment.video and any(difference(two, one) <= 0 for one, two in zip(segment.video.dts, segment.video.dts[1:])):
        found.append("decoding times do not rise")
    for index in range(len(segment.audios)):
        frames = segment.audio_frames(index)
        if not frames:
            found.append(f"audio {index}: no frames")
        for one, two in zip(frames, frames[1:]):
            if abs(difference(two[0], one[0]) - one[1] * 1920) > 2:
                found.append(f"audio {index}: frames {difference(two[0], one[0])} ticks apart")
                break
    return [f"{segment.name}: {fault}" for fault in found]

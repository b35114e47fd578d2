#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what two pipelines of a channel have delivered to their origins, and each with itself.

    tools/check_twins.py FOLDER_OR_URL_0 FOLDER_OR_URL_1 NAME [--json] [--decode] [--all]

FOLDER/NAME.m3u8 is the master playlist. Looked at are the segments of the media playlists (--all: every segment that
lies in the folders): are the numbers without gaps, equal in both; do they start with an IDR; are pictures and audio
frames evenly spaced, also from segment to segment; do twins, and rungs, have the same pictures at the same times.
--decode also lets ffmpeg decode every rung, and stops at its first complaint. Exit status: 0 no fault, 1 faults.
"""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from testbed.hls import Presentation, continuity_faults, inner_faults  # noqa: E402
from testbed.transport_stream import difference  # noqa: E402


def decode_faults(data, name):
    """What ffmpeg complains about when it decodes these bytes."""
    result = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-xerror", "-err_detect", "explode",
                             "-copyts", "-i", "pipe:0", "-map", "0", "-c:v", "wrapped_avframe", "-c:a", "pcm_s16le",
                             "-f", "null", "-"], input=data, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = result.stderr.decode(errors="replace").strip()
    return [f"{name}: ffmpeg: {text.splitlines()[0] if text else result.returncode}"] if text or result.returncode else []


class Rung:
    """One rung at one origin: its segments by number, with their faults."""

    def __init__(self, presentation, name, everything, until):
        self.name = name
        self.presentation = presentation
        self.playlist = presentation.playlist(name)
        self.discontinuities = {entry.number for entry in self.playlist.entries if entry.discontinuity}
        numbers = presentation.stored(name) if everything else self.playlist.numbers
        self.segments = {number: presentation.segment(presentation.segment_name(name, number)) for number in numbers
                         if until is None or number <= until}
        self.frame_ticks = self._frame_ticks()

    def _frame_ticks(self):
        """The usual distance of two pictures."""
        steps = []
        for segment in self.segments.values():
            times = segment.video_pts()
            steps += [difference(two, one) for one, two in zip(times, times[1:])]
        return sorted(steps)[len(steps) // 2] if steps else 3600

    @property
    def gaps(self):
        numbers = sorted(self.segments)
        return [number for one, two in zip(numbers, numbers[1:]) for number in range(one + 1, two)]

    def faults(self):
        found = [f"{self.name}: {fault}" for fault in self.playlist.faults()]
        numbers = sorted(self.segments)
        found += [f"{self.name}: segment {number} is missing" for number in self.gaps]
        kinds = {"video": any(segment.video for segment in self.segments.values()),
                 "audio": any(segment.audios for segment in self.segments.values())}
        for number in numbers:
            found += inner_faults(self.segments[number], self.frame_ticks, **kinds)
        for one, two in zip(numbers, numbers[1:]):
            if two == one + 1 and two not in self.discontinuities:
                found += continuity_faults(self.segments[one], self.segments[two], self.frame_ticks)
        return found

    def runs(self):
        """Segment numbers in groups that follow each other without gap or discontinuity."""
        groups = []
        for number in sorted(self.segments):
            if groups and groups[-1][-1] == number - 1 and number not in self.discontinuities:
                groups[-1].append(number)
            else:
                groups.append([number])
        return groups

    def decode_faults(self):
        found = []
        for group in self.runs():
            data = b"".join(self.presentation.data(self.segments[number].name) for number in group)
            found += decode_faults(data, f"{self.name} from {group[0]} to {group[-1]}")
        return found


def cut_faults(one, two, what):
    """Two segments that should be interchangeable: same first and last picture, same audio frames."""
    found = []
    if one.video_pts() and two.video_pts():
        if one.video_pts()[0] != two.video_pts()[0] or len(one.video_pts()) != len(two.video_pts()):
            found.append(f"{what}: pictures from {one.video_pts()[0]} ({len(one.video_pts())}) and from "
                         f"{two.video_pts()[0]} ({len(two.video_pts())})")
    elif bool(one.video) != bool(two.video):
        found.append(f"{what}: one has video, the other has none")
    if [stream.pts[:1] for stream in one.audios] != [stream.pts[:1] for stream in two.audios]:
        found.append(f"{what}: audio from {[s.pts[:1] for s in one.audios]} and {[s.pts[:1] for s in two.audios]}")
    return found


def check(folder_0, folder_1, name, everything=False, decode=False, until=None):
    """-> a report: {rungs: {name: {segments: [n0, n1], common, equal_cuts, gaps: [g0, g1]}}, faults: [sentences]}.

    until: segments with higher numbers are not looked at."""
    presentations = [Presentation(folder, name) for folder in (folder_0, folder_1)]
    report = {"rungs": {}, "faults": []}
    faults = report["faults"]
    names = [presentation.rungs for presentation in presentations]
    if names[0] != names[1]:
        faults.append(f"the master playlists name different renditions: {names[0]} and {names[1]}")
    first_of_rungs = None
    for rung_name in [rung for rung in names[0] if rung in names[1]]:
        rungs = [Rung(presentation, rung_name, everything, until) for presentation in presentations]
        for place, rung in enumerate(rungs):
            faults += [f"origin {place}: {fault}" for fault in rung.faults()]
            if decode:
                faults += [f"origin {place}: {fault}" for fault in rung.decode_faults()]
        common = sorted(set(rungs[0].segments) & set(rungs[1].segments))
        equal = 0
        for number in common:
            unequal = cut_faults(rungs[0].segments[number], rungs[1].segments[number], f"{rung_name} {number}: twins differ")
            faults += unequal
            equal += not unequal
        if not common:
            faults.append(f"{rung_name}: the origins have no segment number in common")
        first_of_rungs = first_of_rungs or rungs[0]
        for number in sorted(set(first_of_rungs.segments) & set(rungs[0].segments)):
            faults += cut_faults(first_of_rungs.segments[number], rungs[0].segments[number],
                                 f"{number}: {first_of_rungs.name} and {rung_name} differ")
        report["rungs"][rung_name] = {"segments": [len(rung.segments) for rung in rungs], "common": len(common),
                                      "equal_cuts": equal, "gaps": [len(rung.gaps) for rung in rungs],
                                      "discontinuities": [len(rung.discontinuities) for rung in rungs]}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder_0")
    parser.add_argument("folder_1")
    parser.add_argument("name")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--decode", action="store_true", help="let ffmpeg decode everything")
    parser.add_argument("--all", action="store_true", help="every segment in the folders, not only what playlists name")
    arguments = parser.parse_args()
    report = check(arguments.folder_0, arguments.folder_1, arguments.name, arguments.all, arguments.decode)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        for name, rung in report["rungs"].items():
            print(f"{name}: segments {rung['segments'][0]} and {rung['segments'][1]}, {rung['common']} in both, "
                  f"{rung['equal_cuts']} cut equally, gaps {rung['gaps'][0]} and {rung['gaps'][1]}")
        for fault in report["faults"]:
            print("fault:", fault)
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-or-later
"""A box whose encode processes do not encode: biplaned with real segments at next to no cost.

For tests and measurements of delivery. Both pipelines hand over one prepared clip, packaged as the channel asks for, in
real time (tools/biplane_handoff_feed.c); there are no senders, no data planes, and no network but the destinations.

    box = FedBox(directory, [channel("news", "studio", [(url_0, "origin-0"), (url_1, "origin-1")], SMALL_LADDER)],
                 credentials)
    with box:
        wait_for(lambda: box.publisher("news", 0)..., 10, "a segment")

Segment lengths: whole seconds that the 24 s of the clip are a multiple of. clip: a path as testbed.sender.source()
makes it; its video rate decides how large segments are, whatever the channel's ladder says.
"""
import os

from .box import Box, node, rtp_input
from .processes import program
from .sender import source


def feed_programs(directory, clip=None):
    """Makes the folder for biplaned's --programs; returns its path."""
    folder = os.path.join(directory, "programs")
    os.makedirs(folder, exist_ok=True)
    links = {name: program("biplane-handoff-feed") for name in ("biplane-encode", "biplane-dataplane")}
    links["feed.ts"] = clip or source("test", "320x180", 25, 1_000_000, video_rate=200_000)
    for name, target in links.items():
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(os.path.abspath(target), path)
    return folder


class FedBox(Box):
    """channels: of inputs called "studio", or add inputs of your own."""

    def __init__(self, directory, channels, credentials=(), clip=None, inputs=(), **more):
        os.makedirs(directory, exist_ok=True)
        super().__init__(directory, [node(f"feed{i}", i) for i in range(2)], [rtp_input("studio"), *inputs], channels,
                         credentials, programs=feed_programs(directory, clip), **more)

    def start(self, seconds=20):
        self.write()
        return self.start_management(seconds)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Names with identifiers, folders, compressed playlists, a recording that ends: what reaches the origin of each."""
import os
import re

import pytest

from testbed import hls_rules
from testbed.box import SMALL_LADDER, channel
from testbed.feed import FedBox
from testbed.origin import Origin
from testbed.processes import wait_for

pytestmark = pytest.mark.light

CREDENTIALS = [{"name": "origin", "user": "live", "password": "secret"}]


def masters(origin):
    """Paths of all master playlists below an origin's tree: those whose names hold no rung."""
    return sorted(os.path.relpath(os.path.join(folder, name), origin.root) for folder, _, names in os.walk(origin.root)
                  for name in names if name.endswith(".m3u8") and not re.search(r"_\d+p(_iframe)?\.m3u8$", name))


def numbers(origin, master):
    """Segment numbers in the playlist of the first rung."""
    rung = hls_rules.Playlist(os.path.dirname(os.path.join(origin.root, master)),
                              os.path.basename(master).replace(".m3u8", f"_{SMALL_LADDER[0][2]}p.m3u8"))
    return [int(re.search(r"_(\d+)\.ts$", value)[1]) for tag, value in rung.lines if tag == ""]


def wait_more(origin, master, more=2):
    last = numbers(origin, master)[-1]
    wait_for(lambda: numbers(origin, master)[-1] >= last + more, 20, "newer segments", 0.2)


def folder_and_name(origin, master):
    return os.path.split(os.path.join(origin.root, master))


def test_names_survive_everything_but_a_stop(tmp_path):
    origins = [Origin(str(tmp_path / f"origin-{i}"), 9141 + i) for i in range(2)]
    settings = channel("named", "studio", [(f"{origin.url}/$d$/news-$dt$", "origin") for origin in origins], SMALL_LADDER,
                       hls={"directory_structure": "subdirectory_per_stream", "segments_per_subdirectory": 5,
                            "manifest_compression": "gzip", "client_cache": False, "i_frame_only_playlists": True})
    for output in settings["output_groups"][0]["outputs"]:
        output.update({"name_modifier": "_$h$p", "segment_modifier": "-$t$"})
    with origins[0], origins[1], FedBox(str(tmp_path / "box"), [settings], CREDENTIALS) as box:
        wait_for(lambda: all(masters(origin) for origin in origins), 20, "masters", 0.2)
        first = masters(origins[0])
        assert len(first) == 1 and masters(origins[1]) == first
        assert re.fullmatch(r"\d{8}/news-\d{8}T\d{6}\.m3u8", first[0])
        wait_more(origins[0], first[0], 3)
        for origin in origins:
            assert hls_rules.faults(*folder_and_name(origin, first[0])) == []

        box.kill(box.encode_pid("named", 0))
        box.kill_management()
        box.start_management()
        wait_more(origins[0], first[0], 3)
        wait_more(origins[1], first[0])
        assert masters(origins[0]) == masters(origins[1]) == first

        box.api("/v1/channels/named/stop", "POST")
        wait_for(lambda: box.channel("named")["state"] == "idle", 20, "the stop")
        box.api("/v1/channels/named/start", "POST")
        wait_for(lambda: all(len(masters(origin)) == 2 for origin in origins), 20, "new names", 0.2)
        assert masters(origins[0]) == masters(origins[1])


def test_a_recording_grows_and_ends(tmp_path):
    origin = Origin(str(tmp_path / "origin"), 9141)
    settings = channel("vod", "studio", [(f"{origin.url}/vod", "origin")], SMALL_LADDER,
                       hls={"mode": "vod", "index_n_segments": 3, "keep_segments": 4})
    for output in settings["output_groups"][0]["outputs"]:
        output["name_modifier"] = "_$h$p"
    with origin, FedBox(str(tmp_path / "box"), [settings], CREDENTIALS) as box:
        wait_for(lambda: masters(origin), 20, "the master", 0.2)
        first = numbers(origin, "vod.m3u8")[0]
        wait_for(lambda: len(numbers(origin, "vod.m3u8")) >= 6, 30, "more segments than a live window names", 0.2)
        folder = os.path.join(origin.root)
        text = hls_rules.Playlist(folder, "vod_180p.m3u8")
        assert text.tags("#EXT-X-PLAYLIST-TYPE") == ["EVENT"] and not text.has("#EXT-X-ENDLIST")
        box.api("/v1/channels/vod/stop", "POST")
        wait_for(lambda: box.channel("vod")["state"] == "idle", 20, "the stop")
        text = hls_rules.Playlist(folder, "vod_180p.m3u8")
        assert text.tags("#EXT-X-PLAYLIST-TYPE") == ["VOD"] and text.has("#EXT-X-ENDLIST")
        assert numbers(origin, "vod.m3u8")[0] == first
        assert hls_rules.faults(folder, "vod.m3u8") == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""The encode process that does not encode hands over what a real one would: complete, continuous, equal in both
pipelines."""
from testbed.box import SMALL_LADDER, channel
from testbed.feed import FedBox
from testbed.hls import Presentation, continuity_faults, inner_faults
from testbed.origin import Origin
from testbed.processes import wait_for


def test_feed(tmp_path):
    origins = [Origin(str(tmp_path / f"origin-{i}"), 9301 + i) for i in range(2)]
    channels = [channel("fed", "studio", [(f"{origin.url}/live/fed", "origin") for origin in origins], SMALL_LADDER)]
    credentials = [{"name": "origin", "user": "live", "password": "secret"}]
    places = [Presentation(str(tmp_path / f"origin-{i}" / "tree" / "live"), "fed") for i in range(2)]
    with origins[0], origins[1], FedBox(str(tmp_path / "box"), channels, credentials) as box:
        wait_for(lambda: all(len(place.playlist("fed_180p.m3u8").entries) >= 4 for place in places), 20, "segments")
        assert [alert for alert in box.alerts() if not alert["source"].startswith("dataplane")] == []
        # what comes last is cut short by the end
        names = [[entry.name for entry in place.playlist("fed_180p.m3u8").entries] for place in places]
    common = [name for name in names[0] if name in names[1]]
    assert len(common) >= 3
    before = None
    for name in common:
        segment, twin = (place.segment(name) for place in places)
        assert segment.video_pts() == twin.video_pts() and segment.audio_times(0) == twin.audio_times(0)
        assert inner_faults(segment, 3600) == []
        assert before is None or continuity_faults(before, segment, 3600) == []
        before = segment

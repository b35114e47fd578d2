# SPDX-License-Identifier: GPL-2.0-or-later
"""One channel whose encoders are VA-API's, on the software driver: H.264 in transport streams, HEVC of eight and ten
bits in fMP4. The same is asked of it as of a channel on oneVPL."""
import pytest

import check_twins
from test_codecs import Codecs, video_of
from testbed import cmaf_sink
from testbed.box import channel
from testbed.hls import inner_faults
from testbed.processes import wait_for
from testbed.transport_stream import Segment

FRAME_TICKS = 3600
NAME, BASES = "vaapi", ("east", "west")
LADDER = (("180p", 320, 180, 300_000), ("144p", 256, 144, 200_000), ("90p", 160, 90, 150_000))
RUNGS = {"180p": ({"codec": "h264"}, ("h264", "yuv420p")),
         "144p": ({"codec": "hevc", "bit_depth": 10, "rate_control": "vbr"}, ("hevc", "yuv420p10le")),
         "90p": ({"codec": "hevc", "rate_control": "qvbr"}, ("hevc", "yuv420p"))}


def settings(origin):
    value = channel(NAME, "studio", [(f"{origin.url}/live/{base}", "origin") for base in BASES], LADDER, "superfast",
                    hls={"keep_segments": 60, "index_n_segments": 8}, encoder="vaapi", accelerator="software")
    for video in value["encodes"]["video"]:
        video.update(RUNGS[video["name"][1:]][0], b_frames=0)
    group = value["output_groups"][0]
    for output in group["outputs"]:
        fmp4 = output["video"] != "v180p"
        output.update({"audio": [], "audio_rendition_sets": ["stereo"], **({"container": "fmp4"} if fmp4 else {})})
    group["outputs"].append({"name_modifier": "_audio", "audio": ["a128"], "audio_group": "stereo", "language": "en"})
    return value


class Channel(Codecs):
    rungs, settings = RUNGS, staticmethod(settings)

    def data(self, base, rung, names):
        header = b"" if rung == "180p" else self.header(base, f"_{rung}")
        return header + b"".join(self.read(name) for name in names)


@pytest.fixture(scope="module")
def vaapi(shared):
    yield from shared.running(Channel)


def encodes(vaapi):
    return [vaapi.box.pipeline(NAME, i)["encode"] for i in range(2)]


def test_the_status_tells_what_was_chosen_and_why(vaapi):
    for encode in encodes(vaapi):
        assert encode["encoder"] == "VA-API: the software driver, because the accelerator is software"
        assert [video["encoder"] for video in encode["videos"]] == ["vaapi"] * 3
        assert [video["changed"] for video in encode["videos"]] == [""] * 3
        assert [video["errors"] for video in encode["videos"]] == [0] * 3
        assert [video["copied_bytes_per_frame"] for video in encode["videos"]] == [0] * 3
        assert all(video["frames_out"] > 50 for video in encode["videos"])


@pytest.mark.parametrize("rung", RUNGS)
def test_every_segment_decodes_from_its_first_picture(vaapi, rung):
    entries = vaapi.playlist("east", f"_{rung}").entries[-4:]
    for entry in entries:
        data = vaapi.data("east", rung, [entry.name])
        assert check_twins.decode_faults(data, entry.name) == []
        if rung == "180p":
            assert inner_faults(Segment(data, entry.name), FRAME_TICKS, audio=False) == []
        assert video_of(data) == RUNGS[rung][1]


@pytest.mark.parametrize("rung", RUNGS)
def test_twins_cut_alike(vaapi, rung):
    both = [{entry.number: entry for entry in vaapi.playlist(base, f"_{rung}").entries} for base in BASES]
    numbers = sorted(set(both[0]) & set(both[1]))[1:]
    assert len(numbers) >= 2
    for number in numbers:
        found = [times(vaapi, base, rung, names[number].name) for base, names in zip(BASES, both)]
        assert found[0] and found[0] == found[1], number


def times(vaapi, base, rung, name):
    data = vaapi.read(name)
    if rung == "180p":
        return Segment(data, name).video_pts()
    header = cmaf_sink.Header(vaapi.header(base, f"_{rung}"))
    return [cmaf_sink.fragment_times(data, begin, end, header)
            for kind, begin, end in cmaf_sink.boxes(data) if kind == "moof"]


def test_the_machine_is_known_to_encode_it(vaapi):
    """The configuration is checked against what is there: changed, it is still taken."""
    found = wait_for(lambda: vaapi.box.api("/v1/accelerators").get("accelerators"), 20, "the list of accelerators")
    assert any(item["kind"] == "VA-API" and not item["hardware"] for item in found)
    vaapi.box.channels[NAME]["encodes"]["video"][0]["bitrate"] = 310_000
    vaapi.box.reload()

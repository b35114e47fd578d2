# SPDX-License-Identifier: GPL-2.0-or-later
"""Archive and frame capture, from real senders to an HTTP server and to a folder, through kills."""
import json
import os
import subprocess
import time

import pytest

from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

pytestmark = pytest.mark.light

ROLLOVER = 6.0
CAPTURE = 2


def archive_group(destinations, video, **more):
    return {"name": "record", "type": "archive", "archive": {"rollover_interval": ROLLOVER}, "destinations": destinations,
            "outputs": [{"name_modifier": "_rec", "video": video, "audio": ["a128"]}], **more}


def recordings(folder):
    """Number -> path of what is there; whatever is there is whole."""
    found = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.startswith("news_rec.") and name.endswith(".m2ts"):
            found[int(name.split(".")[1])] = os.path.join(folder, name)
    return found


def probe(path):
    shown = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                            "stream=codec_name,codec_type,nb_read_packets,start_time,width", "-show_entries",
                            "format=duration", "-of", "json", path], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(shown)


def stream(info, kind):
    return next(item for item in info["streams"] if item["codec_type"] == kind)


def check_recording(path, whole=True):
    """Decodes without an error, and holds one rollover of pictures and sound."""
    info = probe(path)
    video, audio = stream(info, "video"), stream(info, "audio")
    errors = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "null", "-"],
                            stderr=subprocess.PIPE, check=True).stderr.decode()
    assert errors == "", f"{path}: {errors}"
    if whole:
        assert int(video["nb_read_packets"]) == ROLLOVER * 25, path
        assert abs(int(audio["nb_read_packets"]) - ROLLOVER * 48000 / 1024) <= 1, path
    return video["start_time"]


@pytest.fixture
def live(network, no_studio, tmp_path):
    """A channel with HLS, an archive and frame capture: pipeline 0 to an HTTP server, pipeline 1 to a folder."""
    origin = Origin(str(tmp_path / "origin"), 9105, password="secret-a")
    folder = tmp_path / "folder"
    settings = channel("news", "studio", [(f"{origin.url}/live/news", "a"), (f"{origin.url}/twin/news", "a")],
                       SMALL_LADDER, "superfast", connection={"connection_retry_interval": 1.0, "restart_delay": 2.0})
    http = {"url": f"{origin.url}/rec/news", "credentials": "a"}
    settings["encodes"]["video"].append({"name": "still", "codec": "jpeg", "width": 192, "height": 108,
                                         "capture_interval": CAPTURE})
    still = {"name": "stills", "type": "frame_capture", "outputs": [{"name_modifier": "_still", "video": "still"}]}
    settings["output_groups"] += [
        archive_group([http, {"url": f"{origin.url}/rec1/news", "credentials": "a"}], "v180p"),
        {**still, "connection": {"cdn": "folder"},
         "destinations": [{"url": f"file://{folder}/{i}/news"} for i in range(2)]},
        {**still, "name": "stills-http", "destinations": [{"url": f"{origin.url}/still/{i}/news", "credentials": "a"}
                                                          for i in range(2)]}]
    alone = channel("alone", "studio", [(f"{origin.url}/alone/news", "a")], SMALL_LADDER[1:], "superfast")
    alone["encodes"]["video"].append(settings["encodes"]["video"][-1])
    alone["output_groups"] += [
        {**still, "connection": {"cdn": "folder"}, "destinations": [{"url": f"file://{folder}/alone/news"}]},
        {**still, "name": "stills-http", "destinations": [{"url": f"{origin.url}/still/alone/news", "credentials": "a"}]}]
    box = Box(str(tmp_path), [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
              [settings, alone], [{"name": "a", "user": origin.user, "password": origin.password}])
    targets = [(network.data_plane(i), 5000, network.sender(i), []) for i in range(2)]
    sender = Sender(small_source(), targets, network, directory=str(tmp_path))
    with origin, box:
        sender.start()
        yield box, origin, folder
        sender.stop()


def stills(folder):
    return {int(name.split(".")[1]): os.path.join(folder, name) for name in
            (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith(".jpg") and not name.startswith(".")}


def both_of(pictures):
    return sorted(set(pictures[0]) & set(pictures[1]))


def test_archive_and_frame_capture_from_real_sources(live):
    box, origin, folder = live
    places = [os.path.join(origin.root, name) for name in ("rec", "rec1")]
    wait_for(lambda: all(len(recordings(place)) >= 2 for place in places), 60, "two recordings of each pipeline", 0.5)
    box.kill_management()  # what was handed over is on the disk
    time.sleep(2)
    box.start_management()
    before = max(recordings(places[0]))
    wait_for(lambda: all(max(recordings(place)) >= before + 2 for place in places), 40, "recordings after a kill", 0.5)
    found = [recordings(place) for place in places]
    common = sorted(set(found[0]) & set(found[1]))[1:]  # the first may have begun in the middle
    assert len(common) >= 3 and common == list(range(common[0], common[0] + len(common))), common
    for number in common:
        starts = [check_recording(paths[number]) for paths in found]
        assert starts[0] == starts[1], f"recording {number} begins at {starts}"
    sizes = {path: os.path.getsize(path) for paths in found for path in paths.values()}
    time.sleep(2)
    assert all(os.path.getsize(path) == size for path, size in sizes.items()), "a recording grew at the destination"
    # ---- pictures: equal numbers, equal bytes ----
    pictures = [stills(folder / str(i)) for i in range(2)]
    both = both_of(pictures)
    assert len(both) >= 8
    assert all(two - one == 1 for one, two in zip(both, both[1:])), both
    for number in both:
        one, two = (open(paths[number], "rb").read() for paths in pictures)
        assert one == two, f"picture {number} differs"
    at_server = stills(os.path.join(origin.root, "still", "1"))
    for number in both[:-1]:
        assert open(at_server[number], "rb").read() == open(pictures[0][number], "rb").read()
    single = [stills(place) for place in (folder / "alone", os.path.join(origin.root, "still", "alone"))]
    wait_for(lambda: len(both_of(single)) >= 5, 20, "pictures of the single pipeline")
    assert both_of(single) == list(range(both_of(single)[0], both_of(single)[-1] + 1))
    info = probe(pictures[0][both[-1]])
    assert info["streams"][0]["codec_name"] == "mjpeg" and info["streams"][0]["width"] == 192
    assert not [name for name in os.listdir(folder / "0") if name.endswith(".part")]


def test_hls_and_archive_into_folders(no_studio, tmp_path):
    """Playlists in a folder name what is there, recordings appear whole: channels of one pipeline and of two."""
    folder = tmp_path / "srv"
    settings = channel("news", "studio", [(f"file://{folder}/live/news", "")], SMALL_LADDER, segment_length=1.0,
                       connection={"cdn": "folder"}, hls={"index_n_segments": 4, "keep_segments": 5})
    settings["output_groups"].append(archive_group([{"url": f"file://{folder}/rec/news"}], "v180p",
                                                   connection={"cdn": "folder"}))
    twins = channel("twins", "studio", [(f"file://{folder}/twins-{i}/news", "") for i in range(2)], SMALL_LADDER,
                    segment_length=1.0, connection={"cdn": "folder"})
    twins["output_groups"].append(archive_group([{"url": f"file://{folder}/rec-{i}/news"} for i in range(2)], "v180p",
                                                connection={"cdn": "folder"}))
    presentation = Presentation(str(folder / "live"), "news")
    with FedBox(str(tmp_path), [settings, twins]) as box:
        for place in ("rec", "rec-0", "rec-1"):
            wait_for(lambda: len(recordings(folder / place)) >= 3, 40, f"three recordings in {place}", 0.2)
        for _ in range(20):
            names = [entry.name for entry in presentation.playlist("news_180p.m3u8").entries]
            gone = [name for name in names if not (folder / "live" / name).exists()]
            still = [entry.name for entry in presentation.playlist("news_180p.m3u8").entries]
            assert not set(gone) & set(still), f"{gone} of {still}"  # we may have been too slow for a playlist, not for both
            time.sleep(0.1)
        assert len(names) == 4
        here = [name for name in os.listdir(folder / "live") if name.startswith("news_180p_")]
        assert len(here) <= 5 + 4 + 2, "what left the window is deleted"
        assert not [alert for alert in box.alerts() if alert["source"].startswith(("news", "twins"))]
    pair = [recordings(folder / f"rec-{i}") for i in range(2)]
    common = sorted(set(pair[0]) & set(pair[1]))[1:-1]
    assert common and all(check_recording(pair[0][number]) == check_recording(pair[1][number]) for number in common)
    for number in sorted(recordings(folder / "rec"))[1:-1]:
        check_recording(recordings(folder / "rec")[number])


def test_an_archive_of_one_pipeline_outlives_an_outage(no_studio, tmp_path):
    """The server is away for three recordings, and biplaned is killed meanwhile."""
    origin = Origin(str(tmp_path / "origin"), 9105, password="secret-a").start()
    settings = channel("news", "studio", [(f"{origin.url}/live/news", "a")], SMALL_LADDER)
    settings["output_groups"].append(archive_group(
        [{"url": f"{origin.url}/rec/news", "credentials": "a"}], "v180p",
        connection={"connection_retry_interval": 1.0, "num_retries": 3, "restart_delay": 2.0}))
    box = FedBox(str(tmp_path), [settings], [{"name": "a", "user": origin.user, "password": origin.password}])
    place = os.path.join(origin.root, "rec")
    with box:
        wait_for(lambda: recordings(place), 20, "a recording", 0.2)
        first = max(recordings(place))
        origin.stop()
        time.sleep(2 * ROLLOVER)
        wait_for(lambda: [a for a in box.alerts() if a["id"] == 6010], 20, "the alert")
        box.kill_management()
        box.start_management()
        time.sleep(ROLLOVER)
        origin.start()
        wait_for(lambda: max(recordings(place)) >= first + 3, 40, "what was recorded meanwhile", 0.5)
        numbers = sorted(recordings(place))
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        for number in numbers[1:]:
            check_recording(recordings(place)[number])
        origin.stop()
        box.api("/v1/channels/news/stop", "POST")
        time.sleep(13)  # longer than what is live is waited for
        assert box.channel("news")["state"] == "stopping"
        origin.start()
        wait_for(lambda: box.channel("news")["state"] == "idle", 20, "the end")
        assert max(recordings(place)) > numbers[-1]
        check_recording(recordings(place)[max(recordings(place))], whole=False)
        assert not [name for name in os.listdir(box.spool) if name.endswith(".part")]
    origin.stop()

# SPDX-License-Identifier: GPL-2.0-or-later
"""HLS encrypted with a static key: transport streams and fMP4 with AES-128 and with SAMPLE-AES; read with the key, played, and
no key told."""
import copy
import os
import stat
import subprocess
import tempfile

import pytest

import check_twins
from conftest import chromium_missing
from players import Browser, Page, play_with_hls_js, play_with_shaka
from testbed import hls_rules
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.hls import MediaPlaylist
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

pytestmark = pytest.mark.light

KEY = "00112233445566778899aabbccddee42"
NAME = "secret"
IV = "0f0e0d0c0b0a09080706050403020100"
SUFFIXES = {"ts": ".ts", "fmp4": ".mp4"}
KINDS = [*SUFFIXES, "samples", "cbcs"]


class Rig:
    def __init__(self, shared, network):
        self.directory = tempfile.mkdtemp(dir=shared.directory)
        self.origin = Origin(os.path.join(self.directory, "origin"), 9151)
        value = channel(NAME, "studio", [(f"{self.origin.url}/live/ts", "origin")], SMALL_LADDER, "superfast")
        group = value["output_groups"][0]
        group["hls"].update({"encryption": {"method": "aes_128", "key": KEY}, "key_provider_url": f"{self.origin.url}/key"})
        fmp4 = {**group, "name": "fmp4", "destinations": [{"url": f"{self.origin.url}/live/fmp4", "credentials": "origin"}],
                "outputs": [{**output, "container": "fmp4", "audio": [], "audio_rendition_sets": ["stereo"]}
                            for output in group["outputs"]]}
        fmp4["outputs"].append({"name_modifier": "_audio", "audio": ["a128"], "container": "fmp4", "audio_group": "stereo"})
        samples = copy.deepcopy(group)
        samples.update({"name": "samples", "destinations": [{"url": f"{self.origin.url}/live/samples", "credentials": "origin"}]})
        samples["hls"].update({"encryption": {"method": "sample_aes", "key": KEY, "iv": "explicit", "constant_iv": IV},
                               "i_frame_only_playlists": True})
        cbcs = copy.deepcopy(fmp4)
        cbcs.update({"name": "cbcs", "destinations": [{"url": f"{self.origin.url}/live/cbcs", "credentials": "origin"}],
                     "hls": copy.deepcopy(samples["hls"])})
        value["output_groups"] += [fmp4, samples, cbcs]
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [value], [{"name": "origin", "user": self.origin.user, "password": self.origin.password}])
        shared.boxes.append(self.box)
        self.page = Page(self.directory, [f"{self.origin.url}/live/{kind}.m3u8" for kind in KINDS])
        self.network, self.sender = network, None

    @property
    def folder(self):
        return os.path.join(self.origin.root, "live")

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def start(self):
        self.origin.start()
        with open(os.path.join(self.origin.root, "key"), "wb") as file:
            file.write(bytes.fromhex(KEY))
        self.page.start()
        self.box.start()
        self.sender = Sender(small_source(), [(self.network.data_plane(0), 5000, self.network.sender(0), [])], self.network,
                             directory=self.directory)
        self.sender.start()
        for kind in KINDS:
            wait_for(lambda kind=kind: len(MediaPlaylist(self.read(f"{kind}_180p.m3u8").decode()).entries) >= 4, 60,
                     f"four segments of {kind}", 0.5)
            wait_for(lambda kind=kind: os.path.exists(os.path.join(self.folder, f"{kind}.m3u8")), 20, "the master")

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        self.page.stop()
        self.origin.stop()


@pytest.fixture(scope="module")
def rig(shared):
    yield from shared.running(Rig)


def decrypted(data, number):
    return subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", KEY, "-iv", f"{number:032x}"], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("kind", SUFFIXES)
def test_segments_decode_with_the_key(rig, kind):
    text = rig.read(f"{kind}_180p.m3u8").decode()
    entries = MediaPlaylist(text).entries[1:3]
    assert f'METHOD=AES-128,URI="{rig.origin.url}/key",IV=0x{entries[0].number:032x}' in text
    header = b""
    if kind == "fmp4":
        header = header_of(rig, text)
        assert header[4:8] == b"ftyp"
    clear = b"".join(decrypted(rig.read(entry.name), entry.number) for entry in entries)
    assert check_twins.decode_faults(header + clear, kind) == []


def faults_with_ffmpeg(playlist, *options):
    """What ffmpeg complains about when it decrypts and decodes a playlist."""
    result = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-xerror", "-err_detect", "explode",
                             "-allowed_extensions", "ALL", "-i", playlist, "-map", "0:v", "-map", "0:a", *options, "-f", "null",
                             "-"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return result.stderr.decode(errors="replace").strip()


def test_samples_decode_with_the_key(rig, tmp_path):
    text = rig.read("samples_180p.m3u8").decode()
    assert f'METHOD=SAMPLE-AES,URI="{rig.origin.url}/key",IV=0x{IV}' in text
    names = [entry.name for entry in MediaPlaylist(text).entries[:3]]
    for name in names:
        data = rig.read(name)
        assert all(mark in data[:3 * 188] for mark in (b"zavc", b"aacd", b"apadzaac"))
    for key, right in ((KEY, True), ("0" * 32, False)):
        (tmp_path / "key").write_bytes(bytes.fromhex(key))
        (tmp_path / "list.m3u8").write_text(
            "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:1\n"
            f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{tmp_path}/key",IV=0x{IV}\n'
            + "".join(f"#EXTINF:2,\n{rig.folder}/{name}\n" for name in names) + "#EXT-X-ENDLIST\n")
        # the very last picture is one that ffmpeg does not decrypt
        faults = faults_with_ffmpeg(str(tmp_path / "list.m3u8"), "-t", "4")
        assert (faults == "") == right, faults


def header_of(rig, playlist):
    return rig.read(hls_rules.attributes(playlist.partition("#EXT-X-MAP:")[2].splitlines()[0])["URI"])


def read_with_ffmpeg(data, *options, key=None):
    """What it says of every packet, or what it complains about when it decodes. From a pipe: in a file that it can seek in,
    ffmpeg 5.1 takes what describes the samples of the first fragment for those of all, its own files too."""
    return subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-err_detect", "explode",
                           *(["-decryption_key", key] if key else []), "-i", "pipe:0", *options, "-"], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("rendition", ["180p", "audio"])
def test_fmp4_samples_are_those_of_the_clear_one(rig, rendition):
    """The channel makes the same fMP4 with AES-128: without that it is the clear version."""
    secret, whole = (rig.read(f"{kind}_{rendition}.m3u8").decode() for kind in ("cbcs", "fmp4"))
    key_at = secret.index(f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{rig.origin.url}/key",IV=0x{IV}')
    assert key_at < secret.index("#EXT-X-MAP:")
    header = header_of(rig, secret)
    assert all(mark in header for mark in (b"sinf", b"schm", b"cbcs", b"tenc"))
    assert (b"encv" in header) == (rendition != "audio") and (b"enca" in header) == (rendition == "audio")
    of_whole = {entry.number: entry.name for entry in MediaPlaylist(whole).entries}
    shared = [entry for entry in MediaPlaylist(secret).entries if entry.number in of_whole][-3:]
    assert shared
    data = header + b"".join(rig.read(entry.name) for entry in shared)
    whole_data = header_of(rig, whole) + b"".join(decrypted(rig.read(of_whole[entry.number]), entry.number) for entry in shared)
    hashes = ["-c", "copy", "-f", "framehash"]
    clear = read_with_ffmpeg(whole_data, *hashes).stdout
    assert clear.count(b"\n") > 20
    result = read_with_ffmpeg(data, *hashes, key=KEY)
    assert result.stdout == clear, result.stderr
    assert read_with_ffmpeg(data, *hashes).stdout != clear
    result = read_with_ffmpeg(data, "-f", "null", key=KEY)
    assert result.returncode == 0 and result.stderr == b"", result.stderr
    assert read_with_ffmpeg(data, "-f", "null", key="0" * 32).stderr != b""


@pytest.mark.parametrize("kind", KINDS)
def test_playlists_follow_the_rules(rig, kind):
    assert hls_rules.faults(rig.folder, f"{kind}.m3u8") == []


def test_the_key_is_told_nobody(rig):
    for folder, _, names in os.walk(rig.directory):
        for name in names:
            path = os.path.join(folder, name)
            if "origin" in os.path.relpath(path, rig.directory).split(os.sep)[0] or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read()
            if KEY.encode() not in data:
                continue
            if name.endswith(".job"):
                assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
            else:
                assert path.startswith(rig.box.config), path
    for pid in rig.box.processes().values():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert KEY.encode() not in file.read()
    assert KEY not in str(rig.box.api(f"/v1/channels/{NAME}"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cbcs"])
def test_hls_js_plays(rig, tmp_path, kind):
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path)
    try:
        play_with_hls_js(browser, rig.page, KINDS.index(kind), [height for _, _, height, _ in SMALL_LADDER])
    finally:
        browser.driver.quit()


def test_shaka_plays_fmp4_samples(rig, tmp_path):
    """With the browser's own decryption (EME, Clear Key)."""
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path)
    try:
        play_with_shaka(browser, rig.page, f"{rig.origin.url}/live/cbcs.m3u8", [height for _, _, height, _ in SMALL_LADDER])
    finally:
        browser.driver.quit()

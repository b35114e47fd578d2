# SPDX-License-Identifier: GPL-2.0-or-later
"""A DRM device in the machine: vgem of the box's own kernel, which makes buffers and nothing else. VA-API is found by its
ordinary way, from the render node (vaGetDisplayDRM), and libva takes the software driver for it, as the board says by
the name of a link. So what happens on a box with a GPU happens here, but for the GPU."""
import base64
import json
import os
import re
import subprocess

import pytest
from encoder import CHANNEL, PATIENCE, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
NODE, CARD = "/dev/dri/renderD128", "/dev/dri/card0"
DRIVER = "Biplane software VA-API driver"


@pytest.fixture(scope="module")
def device(encoder):
    if not encoder.machine.process:
        encoder.power_on()
    encoder.output("modprobe vgem")
    wait_until(lambda: encoder.run(f"test -c {NODE} && test -c {CARD}")[0] == 0, PATIENCE, f"{NODE} of vgem")
    assert encoder.output("readlink -f /sys/class/drm/renderD128/device").endswith("/vgem")
    yield NODE
    encoder.output("rmmod vgem")


@pytest.mark.off_air
def test_buffers_of_the_device_become_surfaces(encoder, device):
    """By their PRIME descriptors; they are read, written, encoded and given out again where they lie (dma_bufs.c)."""
    client = os.path.join(encoder.folder, "dma_bufs")
    subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", client,
                    os.path.join(HERE, "dma_bufs.c"), "-lva", "-lva-drm"], check=True)
    there = "/dev/shm/dma_bufs"  # neither /run nor /data lets programs run
    encoder.output(f"curl -sSf -o {there} {encoder.bundles.offer(client)} && chmod 755 {there}")
    try:
        text = encoder.output(f"{there} {device} {CARD} >/run/pictures.264")
        stream = base64.b64decode(encoder.output("base64 /run/pictures.264"))
    finally:
        encoder.run(f"rm -f {there} /run/pictures.264")
    assert DRIVER in text and "buffers of the device went in and out" in text
    assert len(stream) == int(re.search(r"(\d+) bytes of H.264", text).group(1))
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-pix_fmt", "nv12",
                              "-f", "rawvideo", "-"], input=stream, stdout=subprocess.PIPE, check=True).stdout
    assert len(decoded) == 5 * 320 * 192 * 3 // 2


@pytest.mark.off_air
def test_the_device_is_listed_with_what_it_can(encoder, device):
    found = json.loads(encoder.output("biplane-encode --accelerators 2>/dev/null"))["accelerators"]
    listed, = [accelerator for accelerator in found if accelerator["device"] == device]
    assert listed["name"] == DRIVER and listed["kind"] == "VA-API" and listed["hardware"] is True
    codecs = {(coder["codec"], coder["bit_depth"]) for coder in listed["encoders"]}
    assert {("h264", 8), ("hevc", 8), ("hevc", 10)} <= codecs
    assert all(coder["width_max"] >= 1920 and coder["formats"] for coder in listed["encoders"])


def encodes(encoder):
    return [pipeline.get("encode") or {} for pipeline in encoder.api(f"channel {CHANNEL}")["pipelines"]]


@pytest.mark.long
def test_a_channel_encodes_on_the_device(encoder, device):
    """Told to take hardware only: pictures are decoded into the device's surfaces, scaled and encoded there."""
    encoder.configure(accelerator="hardware", encoder="vaapi")
    encoder.output(f"biplanectl restart {CHANNEL}")
    try:
        wait_until(lambda: all(device in encode.get("encoder", "") for encode in encodes(encoder)), PATIENCE,
                   f"both pipelines on {device}")
        encoder.wait_on_air()
        encoder.wait_on_air()
        for encode in encodes(encoder):
            assert encode["encoder"].startswith(f"VA-API: {device}")
            video, = encode["videos"]
            assert video["encoder"] == "vaapi" and video["frames_out"] > 0
            assert video["errors"] == 0 and video["copied_bytes_per_frame"] == 0
    finally:
        encoder.configure()
        encoder.output(f"biplanectl restart {CHANNEL}")
        wait_until(lambda: all("oneVPL" in encode.get("encoder", "") for encode in encodes(encoder)), PATIENCE,
                   "both pipelines on the software runtime")
        encoder.wait_on_air()

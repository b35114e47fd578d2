# SPDX-License-Identifier: GPL-2.0-or-later
"""How far sound and picture are apart: the clip of tools/make_source.sh begins each second with a flash and a beep."""
import math
import subprocess
from array import array

RATE = 8000             # the sound is looked at with this sample rate
BEEP_HZ, WINDOW = 1000, 32  # 4 ms: four periods
COSINE = [math.cos(2 * math.pi * BEEP_HZ * n / RATE) for n in range(WINDOW)]
SINE = [math.sin(2 * math.pi * BEEP_HZ * n / RATE) for n in range(WINDOW)]


def _decode(data, *options):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", *options, "-"], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


def flashes(data, fps):
    """Seconds since the first picture at which the upper left corner becomes white."""
    corner = _decode(data, "-map", "0:v:0", "-vf", "crop=ih/10:ih/10:4:4,scale=1:1:flags=area,format=gray", "-vsync",
                     "passthrough", "-f", "rawvideo")
    return [n / fps for n in range(1, len(corner)) if corner[n] > 128 >= corner[n - 1]]


def _strength(samples, at):
    window = samples[at:at + WINDOW]
    return math.hypot(sum(s * c for s, c in zip(window, COSINE)), sum(s * c for s, c in zip(window, SINE))) / WINDOW


def beep_near(samples, second, threshold, reach=0.25):
    """Second at which the beep begins next to this one; None: there is none."""
    begin = max(0, int((second - reach) * RATE))
    for at in range(begin, min(len(samples) - WINDOW, int((second + reach) * RATE)), 8):
        if _strength(samples, at) > threshold:
            # half the beep's strength is reached when it fills half the window
            return (at + WINDOW / 2) / RATE
    return None


def offsets_ms(data, first_video_pts, first_audio_pts, fps):
    """For every flash: how many milliseconds later (or, negative, earlier) its beep begins."""
    samples = array("h", _decode(data, "-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "s16le"))
    audio_start = (first_audio_pts - first_video_pts) / 90000
    seen = flashes(data, fps)
    middle = [int((second - audio_start + 0.05) * RATE) for second in seen[:20]]
    loudness = sorted(_strength(samples, at) for at in middle if 0 <= at < len(samples) - WINDOW)
    if not loudness:
        return []
    threshold = loudness[len(loudness) // 2] / 2
    found = []
    for second in seen:
        beep = beep_near(samples, second - audio_start, threshold)
        if beep is not None and second - audio_start > 0.3:
            found.append((beep + audio_start - second) * 1000)
    return found

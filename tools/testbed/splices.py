# SPDX-License-Identifier: GPL-2.0-or-later
"""SCTE 35 in a source: messages put in place of null packets of a transport stream, and what the bytes of one say."""
import os

PID, STREAM_TYPE = 0x1f0, 0x86
WRAP = 1 << 33
NULL_PID = 0x1fff


def crc32(data):
    """Of MPEG sections."""
    value = 0xffffffff
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04c11db7 if value & 0x80000000 else value << 1) & 0xffffffff
    return value


def _section(table, body, flags=0x30):
    length = len(body) + 4
    data = bytes([table, flags | length >> 8, length & 0xff]) + body
    return data + crc32(data).to_bytes(4, "big")


def _splice(kind, command, descriptors=b""):
    head = bytes(6) + bytes([0xff, 0xff, 0xf0 | len(command) >> 8, len(command) & 0xff, kind])
    return _section(0xfc, head + command + len(descriptors).to_bytes(2, "big") + descriptors)


def _time(pts):
    return (0x7f << 33 | pts % WRAP).to_bytes(5, "big")


def splice_insert(event, pts, duration=None, out=True):
    flags = 0x4f | (0x80 if out else 0) | (0x20 if duration else 0)
    command = event.to_bytes(4, "big") + bytes([0x7f, flags]) + _time(pts)
    if duration:
        command += (0x7f << 33 | duration).to_bytes(5, "big")
    return _splice(0x05, command + bytes(4))


def time_signal(event, pts, duration, kind=0x34):
    """With a segmentation descriptor: 0x34, a provider's placement opportunity begins."""
    descriptor = b"CUEI" + event.to_bytes(4, "big") + bytes([0x7f, 0xff]) + duration.to_bytes(5, "big") + \
        bytes([0, 0, kind, 0, 0])
    return _splice(0x06, _time(pts), bytes([0x02, len(descriptor)]) + descriptor)


def splice_null():
    return _splice(0x00, b"")


def encrypted():
    """A message that only those with the key can read."""
    return _section(0xfc, bytes([0, 0x80, 0, 0, 0, 0, 7, 0xff, 0xf0, 20]) + bytes(range(24)))


class Splice:
    """What a section says, as far as tests ask."""

    def __init__(self, data):
        assert data[0] == 0xfc and crc32(data) == 0 and len(data) == 3 + ((data[1] & 15) << 8 | data[2]), data.hex()
        self.encrypted = bool(data[4] & 0x80)
        self.adjustment = (data[4] & 1) << 32 | int.from_bytes(data[5:9], "big")
        self.kind, self.event, self.pts = data[13], None, None
        if self.encrypted:
            self.kind = None
        elif self.kind == 0x05:
            self.event = int.from_bytes(data[14:18], "big")
            self.pts = ((data[20] & 1) << 32 | int.from_bytes(data[21:25], "big")) + self.adjustment
        elif self.kind == 0x06:
            self.pts = ((data[14] & 1) << 32 | int.from_bytes(data[15:19], "big")) + self.adjustment
            self.event = int.from_bytes(data[27:31], "big")
        if self.pts is not None:
            self.pts %= WRAP


def _pid(packet):
    return (packet[1] & 0x1f) << 8 | packet[2]


def _with_messages(packet):
    """A PMT packet that also tells of the messages, and that the program has some."""
    section = packet[5:8 + ((packet[6] & 15) << 8 | packet[7])]
    information = (section[10] & 15) << 8 | section[11]
    registration = b"\x05\x04CUEI"
    body = section[3:10] + (0xf000 | information + len(registration)).to_bytes(2, "big") + \
        section[12:12 + information] + registration + section[12 + information:-4] + \
        bytes([STREAM_TYPE, 0xe0 | PID >> 8, PID & 0xff, 0xf0, 0])
    made = packet[:5] + _section(0x02, body, 0xb0)
    assert len(made) <= 188
    return made + b"\xff" * (188 - len(made))


def add(source, out, messages):
    """Writes `source` with messages: list of (seconds into the file at which it is sent, section)."""
    with open(source, "rb") as file:
        data = file.read()
    packets = [data[at:at + 188] for at in range(0, len(data), 188)]
    pmt = next((p[15] & 0x1f) << 8 | p[16] for p in packets if _pid(p) == 0 and p[1] & 0x40)
    seconds = len(packets) / duration(source)
    waiting, counter = sorted(messages, key=lambda message: message[0]), 0
    for index, packet in enumerate(packets):
        if _pid(packet) == pmt:
            packets[index] = _with_messages(packet)
        elif _pid(packet) == NULL_PID and waiting and index >= waiting[0][0] * seconds:
            section = waiting.pop(0)[1]
            head = bytes([0x47, 0x40 | PID >> 8, PID & 0xff, 0x10 | counter % 16, 0])
            packets[index] = (head + section).ljust(188, b"\xff")
            counter += 1
    assert not waiting, "no null packets to put messages in"
    with open(out + ".part", "wb") as file:
        file.write(b"".join(packets))
    os.replace(out + ".part", out)
    return out


def sections(data, pid):
    """The sections of a PID of a transport stream, each with the number of packets before it; counters are looked at."""
    found, counter = [], None
    for at in range(0, len(data), 188):
        packet = data[at:at + 188]
        if _pid(packet) != pid:
            continue
        assert packet[3] & 0x30 == 0x10 and counter in (None, (packet[3] - 1) & 15), "a packet is missing"
        counter = packet[3] & 15
        if packet[1] & 0x40:
            assert packet[4] == 0
            found.append([at // 188, b""])
        found[-1][1] += packet[5 if packet[1] & 0x40 else 4:]
    return [(place, section[:3 + ((section[1] & 15) << 8 | section[2])]) for place, section in found]


def first_pts(source):
    from .processes import run
    return int(run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=start_pts", "-of",
                   "csv=p=0", source).split()[0].strip(","))


def duration(source):
    from .processes import run
    return float(run("ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", source))

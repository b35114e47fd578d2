# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a transport stream segment as a strict receiver would, without decoding: tables, timestamps, access units."""

PTS_WRAP = 1 << 33
VIDEO_TYPES = {0x01: "mpeg1", 0x02: "mpeg2", 0x1b: "h264", 0x24: "hevc"}
AUDIO_TYPES = {0x03: "mp1", 0x04: "mp2", 0x0f: "aac", 0x81: "ac3", 0x87: "eac3"}
SECTION_TYPES = {0x86}  # SCTE 35: no PES packets
TABLE_PIDS = range(0x20)  # PAT, SDT, NIT and the like: nothing announces them
PCR_WRAP = PTS_WRAP * 300


def _timestamp(data, at):
    return ((data[at] >> 1 & 7) << 30 | data[at + 1] << 22 | (data[at + 2] >> 1) << 15 | data[at + 3] << 7 |
            data[at + 4] >> 1)


class Stream:
    def __init__(self, pid, codec):
        self.pid, self.codec = pid, codec
        self.pts, self.dts = [], []  # of each PES packet, in the order of the stream
        self.units = []              # payload of each PES packet
        self.counters = (None, None)  # first and last continuity counter

    @property
    def is_video(self):
        return self.codec in VIDEO_TYPES.values()


class Segment:
    """data: the bytes of one segment. Faults are collected as sentences in `faults`."""

    def __init__(self, data, name=""):
        self.name = name
        self.bytes = len(data)
        self.streams = {}
        self.faults = []
        self.pcrs = []
        self._pmt_pid = self._programme = None
        self._announced = set()
        self._sections, self._strangers = {}, set()
        self._open = {}
        self._counters = {}
        if not data or len(data) % 188:
            self.faults.append(f"{len(data)} bytes are no whole number of packets")
        for at in range(0, len(data) - 187, 188):
            self._packet(data[at:at + 188], at // 188)
        for pid in list(self._open):
            self._finish(pid)
        if self._programme is None:
            self.faults.append("no PAT" if self._pmt_pid is None else "no PMT")

    @property
    def video(self):
        return next((stream for stream in self.streams.values() if stream.is_video), None)

    @property
    def audios(self):
        return [stream for stream in self.streams.values() if stream.codec in AUDIO_TYPES.values()]

    def _packet(self, packet, number):
        if packet[0] != 0x47:
            self.faults.append(f"packet {number} has no sync byte")
            return
        pid = (packet[1] & 0x1f) << 8 | packet[2]
        start, control, counter = packet[1] & 0x40, packet[3] >> 4 & 3, packet[3] & 15
        offset = 4
        if control & 2:
            offset = 5 + packet[4]
            if packet[4] >= 7 and packet[5] & 0x10:
                base = packet[6] << 25 | packet[7] << 17 | packet[8] << 9 | packet[9] << 1 | packet[10] >> 7
                self.pcrs.append(base * 300 + ((packet[10] & 1) << 8 | packet[11]))
        if pid == 0x1fff:
            return
        self._is_announced(pid, number)
        if not control & 1:
            return
        last = self._counters.get(pid)
        if last is not None and counter != (last + 1) & 15:
            self.faults.append(f"packet {number}: continuity of PID {pid} is broken ({last}, {counter})")
        self._counters[pid] = counter
        payload = packet[offset:]
        if pid == 0:
            self._table(pid, payload, self._pat, start)
        elif pid == self._pmt_pid:
            self._table(pid, payload, self._pmt, start)
        elif pid in self.streams:
            stream = self.streams[pid]
            stream.counters = (counter if stream.counters[0] is None else stream.counters[0], counter)
            if start:
                self._finish(pid)
                self._open[pid] = bytearray()
            if pid in self._open:
                self._open[pid] += payload
            elif not stream.units:
                self.faults.append(f"PID {pid} begins in the middle of a PES packet")

    def _is_announced(self, pid, number):
        """A receiver that begins here knows what the packet is; else a fault, once."""
        if pid in TABLE_PIDS or pid == self._pmt_pid or pid in self._announced or pid in self._strangers:
            return
        self._strangers.add(pid)
        self.faults.append(f"packet {number}: PID {pid} " + ("comes before the PMT" if self._programme is None
                                                             else "is not in the PMT"))

    def _table(self, pid, payload, reader, start):
        """A section may go over several packets."""
        if start and payload:
            self._sections[pid] = payload[1 + payload[0]:]
        elif pid in self._sections:
            self._sections[pid] += payload
        section = self._sections.get(pid, b"")
        length = (section[1] & 0x0f) << 8 | section[2] if len(section) >= 3 else len(section)
        if len(section) >= 3 + length:
            reader(section[:3 + length - 4])
            del self._sections[pid]

    def _pat(self, section):
        for at in range(8, len(section) - 3, 4):
            if section[at] << 8 | section[at + 1]:
                self._pmt_pid = (section[at + 2] & 0x1f) << 8 | section[at + 3]

    def _pmt(self, section):
        if self._programme not in (None, section[8:]):
            self.faults.append("the PMT changes")
        self._programme = section[8:]
        at = 12 + ((section[10] & 0x0f) << 8 | section[11])
        while at + 5 <= len(section):
            kind, pid = section[at], (section[at + 1] & 0x1f) << 8 | section[at + 2]
            codec = VIDEO_TYPES.get(kind) or AUDIO_TYPES.get(kind) or f"type {kind:#x}"
            self._announced.add(pid)
            if kind not in SECTION_TYPES:
                self.streams.setdefault(pid, Stream(pid, codec))
            at += 5 + ((section[at + 3] & 0x0f) << 8 | section[at + 4])

    def _finish(self, pid):
        data = self._open.pop(pid, None)
        if data is None:
            return
        stream = self.streams[pid]
        if len(data) < 14 or data[:3] != b"\0\0\1" or not data[7] & 0x80:
            self.faults.append(f"PID {pid}: a PES packet without PTS")
            return
        pts = _timestamp(data, 9)
        stream.pts.append(pts)
        stream.dts.append(_timestamp(data, 14) if data[7] & 0x40 else pts)
        stream.units.append(bytes(data[9 + data[8]:]))

    # ---- what is in it ----
    def starts_with_idr(self):
        """The first access unit of the video is an IDR with its parameter sets before it (H.264)."""
        if not self.video or not self.video.units:
            return False
        kinds = nal_types(self.video.units[0])
        return 7 in kinds and 8 in kinds and 5 in kinds and kinds.index(7) < kinds.index(5)

    def pcr_faults(self, frame_ticks, before=()):
        """Clock references that go back, or are more than 100 ms apart (a picture where that is more). before: those of the segment before."""
        pcrs = list(before[-1:]) + self.pcrs
        if not self.pcrs:
            return ["no PCR"]
        steps = [difference(two, one, PCR_WRAP) / 300 for one, two in zip(pcrs, pcrs[1:])]
        return [f"PCRs {step / 90:.1f} ms apart" for step in steps if not 0 < step <= max(9000, frame_ticks) + 1][:1]

    def video_pts(self):
        """PTS of all pictures, ascending over a wrap."""
        return ascending(self.video.pts) if self.video else []

    def audio_frames(self, index=0):
        """(PTS, number of AAC frames) of each PES packet of an audio."""
        stream = self.audios[index]
        return [(pts, adts_frames(unit)) for pts, unit in zip(stream.pts, stream.units)]

    def audio_times(self, index=0):
        """PTS of every AAC frame, however many of them share a PES packet (at 48 kHz)."""
        return [(pts + 1920 * n) % PTS_WRAP for pts, count in self.audio_frames(index) for n in range(count)]


def nal_types(unit):
    kinds, at = [], unit.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(unit):
        kinds.append(unit[at + 3] & 0x1f)
        at = unit.find(b"\0\0\1", at + 3)
    return kinds


def adts_frames(unit):
    count, at = 0, 0
    while at + 7 <= len(unit) and unit[at] == 0xff and unit[at + 1] & 0xf0 == 0xf0:
        count += 1
        length = (unit[at + 3] & 3) << 11 | unit[at + 4] << 3 | unit[at + 5] >> 5
        at += max(length, 7)
    return count


def difference(a, b, wrap=PTS_WRAP):
    """a - b for counters that wrap, of 33 bits."""
    d = (a - b) % wrap
    return d - wrap if d >= wrap // 2 else d


def ascending(values):
    return sorted(values, key=lambda value: difference(value, values[0])) if values else []

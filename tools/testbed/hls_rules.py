# SPDX-License-Identifier: GPL-2.0-or-later
"""What RFC 8216 and Apple's authoring rules want of playlists: all that is wrong with a master and all below it.

    faults("/srv/origin/live", "news.m3u8")      # [] is good
"""
import gzip
import os
import re


def attributes(text):
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', text)}


class Playlist:
    """One playlist: its lines as (tag, value), URIs with the tag ""."""

    def __init__(self, folder, name):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        self.folder, self.name = folder, name
        self.lines = [("", line) if not line.startswith("#") else tuple((line.partition(":") + ("",))[::2])[:2]
                      for line in data.decode().splitlines() if line]
        self.found = []

    def tags(self, name):
        return [value for tag, value in self.lines if tag == name]

    def has(self, name):
        return any(tag == name for tag, _ in self.lines)

    def fault(self, text):
        self.found.append(f"{self.name}: {text}")

    def size(self, uri):
        """Bytes of a file that it names; None: it is not there."""
        path = os.path.join(self.folder, uri)
        return os.path.getsize(path) if os.path.exists(path) else None

    def check_version(self):
        if self.lines[0][0] != "#EXTM3U":
            self.fault("does not begin with #EXTM3U")
        version = int((self.tags("#EXT-X-VERSION") or ["1"])[0])
        keys = [attributes(value) for value in self.tags("#EXT-X-KEY")]
        wanted = [1, 3 * any("." in value for value in self.tags("#EXTINF")), 4 * self.has("#EXT-X-BYTERANGE"),
                  4 * self.has("#EXT-X-I-FRAMES-ONLY"), 2 * any("IV" in key for key in keys),
                  5 * any("KEYFORMAT" in key or key["METHOD"] == "SAMPLE-AES" for key in keys), 8 * self.has("#EXT-X-GAP"),
                  self.has("#EXT-X-MAP") * (5 if self.has("#EXT-X-I-FRAMES-ONLY") else 6)]
        if version < max(wanted):
            self.fault(f"version {version} has what only {max(wanted)} knows")
        if version >= 7 and self.has("#EXT-X-ALLOW-CACHE"):
            self.fault("EXT-X-ALLOW-CACHE is not known any more in version 7")


def media_faults(folder, name):
    """Of a media playlist, or of one of key pictures."""
    playlist = Playlist(folder, name)
    playlist.check_version()
    target = int((playlist.tags("#EXT-X-TARGETDURATION") or ["0"])[0])
    if not target:
        playlist.fault("no target duration")
    duration = part = None
    gap = False
    for tag, value in playlist.lines:
        if tag == "#EXTINF":
            duration = float(value.rstrip(","))
            if int(duration + 0.5) > target:
                playlist.fault(f"{duration} s are more than the target duration {target}")
        elif tag == "#EXT-X-BYTERANGE":
            part = [int(number) for number in value.split("@")]
        elif tag == "#EXT-X-GAP":
            gap = True
        elif tag == "#EXT-X-MAP" and playlist.size(attributes(value)["URI"]) is None:
            playlist.fault(f"EXT-X-MAP {value}: there is no such file")
        elif tag == "":
            size = playlist.size(value)
            if duration is None:
                playlist.fault(f"{value} has no EXTINF")
            if size is None and not gap:
                playlist.fault(f"{value} is not there")
            if part and size and sum(part) > size:
                playlist.fault(f"{value} has no {part[0]} bytes at {part[1]}")
            if playlist.has("#EXT-X-I-FRAMES-ONLY") and not part:
                playlist.fault(f"{value} has no EXT-X-BYTERANGE")
            duration, part, gap = None, None, False
    return playlist.found


def faults(folder, name, check_other=None):
    """Of a master playlist and all playlists that it names; check_other: which (all)."""
    master = Playlist(folder, name)
    master.check_version()
    media = [attributes(value) for value in master.tags("#EXT-X-MEDIA")]
    uris = [item["URI"] for item in media] + [value for tag, value in master.lines if tag == ""]
    key_variants = [attributes(value) for value in master.tags("#EXT-X-I-FRAME-STREAM-INF")]
    for group in {item["GROUP-ID"] for item in media}:
        members = [item for item in media if item["GROUP-ID"] == group]
        if sum(item.get("DEFAULT") == "YES" for item in members) > 1:
            master.fault(f"audio group {group} has two defaults")
        if len({item["NAME"] for item in members}) != len(members):
            master.fault(f"audio group {group} has two of one name")
    variants = [attributes(value) for value in master.tags("#EXT-X-STREAM-INF")]
    if not variants:
        master.fault("no variant")
    for variant in variants + key_variants:
        if not variant.get("CODECS") or int(variant.get("BANDWIDTH", 0)) <= 0:
            master.fault(f"variant without CODECS or BANDWIDTH: {variant}")
        if "AUDIO" in variant and variant["AUDIO"] not in {item["GROUP-ID"] for item in media}:
            master.fault(f"there is no audio group {variant['AUDIO']}")
        if variant.get("AUDIO") and "mp4a" not in variant["CODECS"]:
            master.fault(f"CODECS of a variant with audio name none: {variant}")
    found = list(master.found)
    for uri in dict.fromkeys(uris + [item["URI"] for item in key_variants]):
        if check_other and not check_other(uri):
            continue
        found += media_faults(folder, uri) if os.path.exists(os.path.join(folder, uri)) else [f"{name}: no {uri}"]
    return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""Channels that deliver to S3, and what lies in their buckets."""
from testbed.box import SMALL_LADDER, channel
from testbed.hls import Presentation
from testbed.s3_client import S3Client


class Bucket:
    """Files behind a prefix of a bucket, as testbed.hls.Place has them of a folder. bucket "": a MediaStore container."""

    def __init__(self, client, bucket, folder=""):
        self.client, self.bucket, self.folder = client, bucket, folder

    def path(self, name):
        return "/" + "/".join(part for part in (self.bucket, self.folder, name) if part)

    def read(self, name):
        answer = self.client.get(self.path(name))
        if answer.status != 200:
            raise FileNotFoundError(f"{self.path(name)}: {answer.status} {answer.value('Code')}")
        return answer.body

    def answer(self, name, method="HEAD"):
        return self.client.request(method, self.path(name))

    def names(self):
        start = self.folder + "/" if self.folder else ""
        return [key.removeprefix(start) for key in self.client.keys(self.bucket, start)]


class BucketPresentation(Presentation):
    def __init__(self, client: S3Client, bucket, folder, name):
        super().__init__("", name)
        self.place = Bucket(client, bucket, folder)

    def absent(self):
        """Objects that a playlist names and that are not there. Read in this order, so that what is deleted meanwhile does
        not count: a playlist that was replaced may name what has gone since."""
        found = []
        for rung in [variant.uri for variant in self.master()]:
            for entry in self.playlist(rung).entries[-3:]:
                if self.place.answer(entry.name).status != 200:
                    found.append(entry.name)
        return found


def s3_channel(name, places, cdn="s3", connection=None, segment_length=1.0, ladder=SMALL_LADDER, **more):
    """places: one a pipeline: (url, credentials, endpoint, region[, more keys])."""
    settings = channel(name, "studio", [(place[0], place[1]) for place in places], ladder, "superfast", segment_length,
                       connection={"cdn": cdn, "connection_retry_interval": 1.0, "num_retries": 5, "restart_delay": 3.0,
                                   "timeout": 1, **(connection or {})}, **more)
    for destination, place in zip(settings["output_groups"][0]["destinations"], places):
        destination.update({"endpoint": place[2], "region": place[3], **(place[4] if len(place) > 4 else {})})
    return settings

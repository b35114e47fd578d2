# SPDX-License-Identifier: GPL-2.0-or-later
"""A standard channel with all that belongs to it: two sources, a box, two origins that can misbehave."""
import os

from testbed.air import Air
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.fault_proxy import FaultProxy
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

ORIGIN_PORTS, PROXY_PORTS = (9101, 9102), (9201, 9202)
NAME = "rig"
SEGMENT_SECONDS = 2.0


class Studio(Air):
    def __init__(self, directory, network, ladder=SMALL_LADDER, preset="superfast", clip=None, proxies=True,
                 keep_segments=1000, inputs=(), **more):
        self.directory, self.network, self.ladder = directory, network, ladder
        self.clip = clip or small_source()
        super().__init__([Origin(os.path.join(directory, f"origin-{i}"), port, password=f"secret-{i}")
                          for i, port in enumerate(ORIGIN_PORTS)], NAME, [f"{NAME}_{rung}.m3u8" for rung, *_ in ladder])
        self.proxies = [FaultProxy(port, ORIGIN_PORTS[i]) for i, port in enumerate(PROXY_PORTS)] if proxies else []
        fronts = self.proxies or self.origins
        destinations = [(f"{front.url}/live/{NAME}", f"origin-{i}") for i, front in enumerate(fronts)]
        credentials = [{"name": f"origin-{i}", "user": origin.user, "password": origin.password}
                       for i, origin in enumerate(self.origins)]
        connection = {"connection_retry_interval": 1.0, "num_retries": 5, "restart_delay": 3.0, "timeout": 5}
        settings = channel(NAME, "studio", destinations, ladder, preset, SEGMENT_SECONDS,
                           hls={"keep_segments": keep_segments, "index_n_segments": 60}, connection=connection, **more)
        self.box = Box(directory, [node(name, i) for i, name in enumerate(network.interfaces)],
                       [rtp_input("studio"), rtp_input("quiet", 5002), *inputs], [settings], credentials)
        self.sender = None

    # ---- running ----
    def start(self):
        for part in (*self.origins, *self.proxies):
            part.start()
        self.box.start()
        self.start_sender()
        self.wait_playing(40)
        return self

    def start_sender(self):
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(self.clip, targets, self.network, directory=self.directory)
        self.sender.start()

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        for part in (*self.proxies, *self.origins):
            part.stop()

    def calm(self):
        """Undoes what a test may have left behind, and waits until all is well."""
        for proxy in self.proxies:
            if proxy.mode != "pass":
                proxy.set("pass")
        for path in range(2):
            for line in ("resume {}", "loss {} 0", "reorder {} 0", "duplicate {} 0", "corrupt {} 0", "bare {} 0"):
                self.sender.tell(line.format(path))
        self.wait_playing(30)

    def is_healthy(self):
        try:
            self.calm()
            return True
        except Exception:
            return False

    def wait_playing(self, seconds):
        """Both pipelines run, are locked, and each origin's newest segment is the same and new."""
        def playing():
            state = self.box.channel(NAME)
            if state["state"] != "running" or not state["locked"]:
                raise RuntimeError(f"{state['state']}, locked {state['locked']}, "
                                   f"pipelines {[(p['state'], p['segments']) for p in state['pipelines']]}")
            newest = [self.newest(i) for i in range(2)]
            if abs(newest[0] - newest[1]) > 1 or max(self.newest_age(i) for i in range(2)) > 2 * SEGMENT_SECONDS:
                raise RuntimeError(f"newest segments {newest}")
            if min(len(self.playlist(i).entries) for i in range(2)) < 3:
                raise RuntimeError("fewer than three segments so far")
            return True
        wait_for(playing, seconds, "both pipelines delivering in step", 0.25)

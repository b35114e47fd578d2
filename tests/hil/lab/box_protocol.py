# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario may do to a box, wherever it stands. A place (processes, qemu, box) is a labgrid driver of this."""
import abc

from labgrid.protocol import PowerProtocol


class BoxProtocol(PowerProtocol):
    """Power as labgrid has it: on() starts, off() shuts down in order, cycle() does both; cut() pulls the plug.

    Attributes that scenarios read:

    network    testbed.network.Network or alike: where sources send from, data_plane(node), sender(node)
    origins    testbed.origin.Origin, one a pipeline, started by the place; reached by the box as origin_url(i)
    patience   how many times longer than on a server everything may take here
    material   path of the transport stream to send, made for what the place can encode in real time
    fps        pictures a second of it
    ladder     the wizard's name of the ladder that it can encode in real time
    rungs      names of that ladder's outputs
    """

    @abc.abstractmethod
    def cut(self):
        """Power is gone between two instructions."""

    @abc.abstractmethod
    def screen(self, seconds):
        """A new screen on the serial line with somebody logged in: the menu. seconds: how long that may take."""

    @abc.abstractmethod
    def origin_url(self, pipeline):
        """URL prefix of that origin, as the box sees it."""

    # ---- what not every place can do; its features say which ----
    def log_in(self, screen, seconds):
        """Feature login: on this screen, where nobody is logged in."""
        raise NotImplementedError

    def unplug(self, node):
        """Feature links: the cable of that node's data plane port is out."""
        raise NotImplementedError

    def plug(self, node):
        raise NotImplementedError

    def kill(self, program, pipeline):
        """Feature kill: that pipeline's "encode" or "dataplane" process gets SIGKILL."""
        raise NotImplementedError

    def fill_disk(self):
        """Feature disk: not a byte is left where the box keeps its data."""
        raise NotImplementedError

    def free_disk(self):
        raise NotImplementedError

    def step_clock(self, seconds):
        """Feature clock: the box's clock of day jumps by so much."""
        raise NotImplementedError

    def bundle(self, kind):
        """Feature update: URL of an update bundle. "good": a newer version that works; "foreign": one that is rightly made
        and signed with a key that the box does not trust."""
        raise NotImplementedError

    def wait_for_reboot(self, seconds):
        """Feature update: after something that restarts the box, until it is on its way up again."""
        raise NotImplementedError

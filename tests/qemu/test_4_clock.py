# SPDX-License-Identifier: GPL-2.0-or-later
"""The time of day: of a box without a battery, with a time server and without one."""
import os
import time

import pytest
from encoder import PATIENCE, wait_until
from testbed.qemu import HOST
from testbed.time_server import PROGRAM, TimeServer

pytestmark = [pytest.mark.long, pytest.mark.skipif(not os.path.exists(PROGRAM), reason="package chrony is missing")]

ALLOWED = 60  # seconds between two looks at two clocks, on a machine with much to do


def now(encoder):
    return int(encoder.output("date +%s"))


def alerts(encoder):
    return encoder.output("biplanectl alerts")


def knew_an_hour_ago(encoder):
    """The last time that the box remembers; gives it."""
    encoder.output("systemctl stop biplane-clock && touch -d '-1 hour' /data/system/clock && sync /data/system/clock")
    return int(encoder.output("stat -c %Y /data/system/clock"))


def test_without_a_battery_it_goes_on_from_what_it_knew(encoder):
    """Its clock says 2001 when it is switched on. Nothing answers: the channel is on the air all the same, and an alert says so."""
    wait_until(lambda: encoder.run("test -e /data/system/clock")[0] == 0, PATIENCE, "the first time that is remembered")
    known = knew_an_hour_ago(encoder)
    encoder.machine.cut()
    encoder.machine.clock = "2001-01-01T00:00:00"
    encoder.power_on()
    encoder.wait_on_air()
    assert known <= now(encoder) < time.time() - 1800
    wait_until(lambda: "it was wrong when the box started" in alerts(encoder), PATIENCE, "the alert")
    assert encoder.output("systemctl --failed --no-legend --plain") == ""


def test_a_time_server_answers_late(encoder):
    """The clock is set, and what is on the air stays where it was: an alert says by how much it is off."""
    with TimeServer(encoder.folder):
        encoder.output(f"echo 'server {HOST} iburst' >/data/system/ntp/rig.sources; chronyc -n reload sources")
        wait_until(lambda: abs(now(encoder) - time.time()) < ALLOWED, PATIENCE, "the right time")
        wait_until(lambda: "the clock was set by" in alerts(encoder), PATIENCE, "the alert")
        wait_until(lambda: "nothing has set the clock" not in alerts(encoder), PATIENCE, "the end of the other one")
        encoder.wait_on_air()


def test_with_a_time_server_it_starts_with_the_right_time(encoder):
    """It is asked before the first channel starts."""
    knew_an_hour_ago(encoder)
    encoder.machine.cut()
    encoder.machine.clock = "1990-01-01T00:00:00"  # a machine's clock has no century: kernels take it for 2090
    with TimeServer(encoder.folder):
        encoder.power_on()
        encoder.wait_on_air()
        assert abs(now(encoder) - time.time()) < ALLOWED
        said = encoder.output("journalctl -b --no-pager -u biplane-clock -o cat")
        assert "set, after" in said and "not waited for" not in said, said
        assert "clock" not in alerts(encoder)
    encoder.output("rm /data/system/ntp/rig.sources")
    encoder.machine.cut()
    encoder.machine.clock = None
    encoder.power_on()
    encoder.wait_on_air()

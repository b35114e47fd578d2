# SPDX-License-Identifier: GPL-2.0-or-later
"""Any process may be killed at any moment: the others go on, nothing that was handed over is lost."""
import time

from studio import NAME
from testbed.processes import alive, wait_for

BACK_WITHIN = 5.0  # seconds until the killed pipeline publishes again
AFTER = 4          # segments that are looked at afterwards


def check_killed(studio, victim, kill):
    """Kills something of pipeline `victim`; the twin must not notice, the pipeline must go on with its numbers."""
    twin = 1 - victim
    first = studio.newest(victim) - 1
    at_kill = studio.newest(victim)
    kill()
    back = studio.wait_newest(victim, at_kill + 1, 30)
    last = studio.newest(victim) + AFTER
    studio.wait_newest(victim, last, 30)
    studio.wait_newest(twin, last, 10)
    assert studio.faults(twin, first, last) == []
    assert studio.faults(victim, first, last, discontinuities=1) == []
    assert back <= BACK_WITHIN, f"published again after {back:.1f} s"
    print(f"published again after {back:.1f} s")


def test_kill_encode(studio):
    pid = studio.box.encode_pid(NAME, 0)
    twin_pid = studio.box.encode_pid(NAME, 1)
    check_killed(studio, 0, lambda: studio.box.kill(pid))
    process = studio.box.pipeline(NAME, 0)["process"]
    assert process["pid"] != pid and process["restarts"] >= 1
    assert "9" in process["last_end"] or "kill" in process["last_end"].lower(), process["last_end"]
    assert studio.box.encode_pid(NAME, 1) == twin_pid
    wait_for(lambda: studio.box.channel(NAME)["locked"], 20, "twins locked again")
    newest = min(studio.newest(0), studio.newest(1))
    assert studio.unequal(newest - 1, newest) == []


def test_kill_dataplane(studio):
    pid = studio.box.dataplane_pid(1)
    encoders = [studio.box.encode_pid(NAME, i) for i in range(2)]
    check_killed(studio, 1, lambda: studio.box.kill(pid))
    assert studio.box.dataplane_pid(1) not in (0, pid)
    assert [studio.box.encode_pid(NAME, i) for i in range(2)] == encoders, "encoders must outlive their data plane"
    wait_for(lambda: studio.box.channel(NAME)["locked"], 20, "twins locked again")
    wait_for(lambda: studio.box.input("studio", 1)["present"], 20, "the source seen again")


def test_kill_management(studio):
    processes = {name: pid for name, pid in studio.box.processes().items() if name != "biplaned"}
    first = min(studio.newest(i) for i in range(2)) - 1
    studio.box.kill_management()
    time.sleep(5)  # two segments and more are finished meanwhile
    assert all(alive(pid) for pid in processes.values()), "processes must outlive the management plane"
    studio.box.start_management()
    after = {name: pid for name, pid in studio.box.processes().items() if name != "biplaned"}
    assert after == processes, "running processes must be adopted"
    last = max(studio.newest(i) for i in range(2)) + AFTER + 2
    for origin in range(2):
        studio.wait_newest(origin, last, 30)
        assert studio.faults(origin, first, last) == []
    assert studio.unequal(first, last) == []


def test_everything_but_the_twin(studio):
    """The whole of pipeline 0 at once, data plane and encoder: the twin still misses nothing."""
    def kill():
        dataplane, encode = studio.box.dataplane_pid(0), studio.box.encode_pid(NAME, 0)
        studio.box.kill(dataplane)
        studio.box.kill(encode)
    first = studio.newest(1)
    kill()
    studio.wait_newest(1, first + 4, 20)
    assert studio.faults(1, first, first + 4) == []
    studio.wait_playing(30)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The menu on a terminal of 80 columns and 24 lines, against a box that runs: keystrokes in, screens read back."""
import itertools
import json
import os
import random
import signal
import time

import pytest

from testbed.box import Box, ApiError, UnixConnection, node, rtp_input
from testbed.hls import Presentation
from testbed.menu import choose, log_out
from testbed.origin import Origin
from testbed.processes import program, wait_for
from testbed.sender import Sender, small_source
from testbed.terminal import Terminal

pytestmark = pytest.mark.light


LINE_GONE = 3  # exit status


@pytest.fixture
def box(network, no_studio, shared, tmp_path):
    """Inputs, and no channel yet."""
    value = Box(str(tmp_path / "box"), [node(name, i) for i, name in enumerate(network.interfaces)],
                [rtp_input("studio")], [], [{"name": "origin-0", "user": "live", "password": "hidden-word"}])
    shared.boxes.append(value)
    value.write()
    value.start_management()
    yield value
    value.stop()
    shared.boxes.remove(value)


@pytest.fixture
def terminal(box):
    with Terminal([program("biplane-console"), "--run", box.run]) as value:
        value.wait("Menu", "Status")
        yield value


def set_field(terminal, field, value):
    terminal.choose(field)
    terminal.press("enter")
    terminal.wait("Cancel")
    terminal.press("clear", value, "enter")
    terminal.wait_without("Cancel")


def staged(box):
    return box.api("/v1/configuration/report")


def test_status_is_live_and_says_when_nobody_answers(box, terminal):
    choose(terminal, "Status", "biplane", "NODE", "studio", "CHANNEL")
    box.kill_management()
    terminal.wait("does not answer")
    box.start_management()
    terminal.wait("NODE", "studio")
    terminal.press("q")
    log_out(terminal)
    assert terminal.wait_end() == 0


def test_an_error_stands_at_its_field_and_changes_are_applied_as_one(box, terminal):
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    set_field(terminal, "reorder_msec", "99999")
    terminal.wait("! reorder_msec", "out of range: 0 to 2000 ms")
    terminal.press("q", "q")
    choose(terminal, "Staged changes", "1 problem", "99999")
    terminal.press("a")
    terminal.wait("problems left")
    terminal.press("enter", "q")
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    set_field(terminal, "reorder_msec", "80")
    terminal.wait("80 ms")
    terminal.press("q", "q")
    assert box.api("/v1/configuration")["box"]["inputs"][0].get("reorder_msec") is None
    choose(terminal, "Staged changes", "inputs[studio].reorder_msec")
    terminal.press("a")
    terminal.wait("Not yet")
    terminal.press("tab", "enter")
    terminal.wait("nothing is staged")
    assert box.api("/v1/configuration")["box"]["inputs"][0]["reorder_msec"] == 80


def test_a_password_goes_in_and_never_comes_out(box, terminal):
    choose(terminal, "Credentials", "origin-0")
    terminal.press("enter")
    terminal.wait("(set, not shown)")
    terminal.choose("password ")
    terminal.press("enter")
    terminal.wait("Cancel")
    terminal.write("p\u00e4ss".encode())
    terminal.wait("left out: only letters of ASCII")  # and not half of it taken without a word
    terminal.press("escape")
    terminal.wait("e: next error")
    set_field(terminal, "password", "another-word")
    assert "hidden-word" not in terminal.text and "another-word" not in terminal.text
    terminal.press("q", "q")
    choose(terminal, "Staged changes", "a secret: not shown")
    terminal.press("a")
    terminal.wait("Not yet")
    terminal.press("tab", "enter")
    terminal.wait("nothing is staged")
    with open(os.path.join(box.config, "credentials.cfg"), encoding="utf-8") as file:
        assert "another-word" in file.read()


def test_a_network_that_nobody_confirms_comes_back(box, terminal):
    choose(terminal, "Network", "host_name")
    set_field(terminal, "host_name", "alpha")
    terminal.press("q")
    choose(terminal, "Staged changes", "touches the network", "alpha")
    terminal.press("a")
    terminal.wait("Not yet")
    terminal.press("tab", "enter")
    terminal.wait("Keep it", "Go back")
    assert box.api("/v1/configuration")["network"]["host_name"] == "alpha"
    terminal.hang_up()  # the network took the line with it
    assert terminal.wait_end() == LINE_GONE
    box.kill_management()  # and then the power went: nobody can confirm any more
    box.start_management()
    assert "network" not in box.api("/v1/configuration") or not box.api("/v1/configuration")["network"].get("host_name")


def test_a_form_left_open_takes_nothing_back_that_others_staged(box, terminal):
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    terminal.wait("reorder_msec")
    with Terminal([program("biplane-console"), "--run", box.run]) as other:
        other.wait("Menu", "Status")
        choose(other, "Inputs", "studio")
        other.press("enter")
        set_field(other, "reorder_packets", "99")
        wait_for(lambda: staged(box)["difference"], 10, "the other's change")
    set_field(terminal, "reorder_msec", "70")
    terminal.wait("Somebody else")
    assert [entry["after"] for entry in staged(box)["difference"]] == [99]
    terminal.press("enter", "q", "q")
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    set_field(terminal, "reorder_msec", "70")
    set_field(terminal, "reorder_packets", "98")
    wait_for(lambda: sorted(entry["after"] for entry in staged(box)["difference"]) == [70, 98], 10, "both of one's own")


def test_a_line_that_drops_in_a_form_loses_nothing(box, terminal):
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    set_field(terminal, "reorder_packets", "99")
    terminal.choose("reorder_msec")
    terminal.press("enter")
    terminal.wait("Cancel")
    terminal.press("7")
    terminal.hang_up()
    assert terminal.wait_end() == LINE_GONE
    assert [entry["after"] for entry in staged(box)["difference"]] == [99]
    with Terminal([program("biplane-console"), "--run", box.run]) as again:
        again.wait("1 changes staged")
        choose(again, "Staged changes", "inputs[studio].reorder_packets")


def test_nothing_is_rolled_back_without_a_question(box, terminal):
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    set_field(terminal, "reorder_packets", "99")
    terminal.press("q", "q")
    choose(terminal, "Staged changes", "inputs[studio].reorder_packets")
    terminal.press("r")
    terminal.wait("Leave it")
    terminal.press("enter")
    terminal.wait("inputs[studio].reorder_packets")
    assert [entry["after"] for entry in staged(box)["difference"]] == [99]


def test_a_line_that_is_never_silent_can_be_ended(box, terminal):
    choose(terminal, "Staged changes", "nothing is staged")
    deadline = time.monotonic() + 30
    for count in itertools.count():
        if time.monotonic() > deadline or not terminal.alive():
            break
        terminal.write(b"d")  # asks, which waits for silence
        terminal.read(0.01)
        if count == 50:
            os.kill(terminal.pid, signal.SIGTERM)
    assert not terminal.alive()


def test_the_terminal_changes_its_size(box, terminal):
    choose(terminal, "Inputs", "studio")
    terminal.press("enter")
    terminal.wait("reorder_msec")
    for columns, rows in ((120, 40), (60, 20), (20, 6), (80, 24)):
        terminal.resize(columns, rows)
        os.kill(terminal.pid, signal.SIGWINCH)
        terminal.read(0.5)
        assert terminal.alive()
        if columns >= 60:  # it is drawn anew, down to the last line
            wait_for(lambda: terminal.read(0.1) or any("Enter: edit" in line for line in terminal.screen.display[rows - 4:]), 30,
                     f"the legend below {rows} lines")
            terminal.wait("reorder_msec")
    terminal.wait("reorder_msec", "Enter: edit")
    set_field(terminal, "reorder_msec", "70")
    terminal.wait("70 ms")


def test_who_only_looks_at_a_choice_changes_nothing(box, terminal):
    for form, field, in_use, other in (("Network", "ssh", "false", "true"), ("Box", "accelerator", "(the board's)", "software")):
        choose(terminal, form, field)
        terminal.choose(field)
        terminal.press("enter")
        terminal.wait(other)
        assert in_use in terminal.selected()
        terminal.press("enter")
        terminal.wait("Enter: edit")
        terminal.press("q")
    assert not staged(box)["staged"]


def test_a_shell_and_back(terminal):
    choose(terminal, "Shell", "Type shell")
    terminal.press("shell", "enter")
    terminal.wait("#")
    terminal.press("echo $((6 * 7))x", "enter")
    terminal.wait("42x")
    terminal.press("exit", "enter")
    terminal.wait("Menu", "Arrows: move")


def test_garbage_on_the_line_ends_nothing_and_applies_nothing(box):
    before = box.api("/v1/configuration")
    for seed in range(4):
        noise = random.Random(seed)
        with Terminal([program("biplane-console"), "--run", box.run]) as terminal:
            terminal.wait("Menu")
            for _ in range(60):
                terminal.write(bytes(noise.randrange(256) for _ in range(noise.randrange(1, 40))))
                terminal.read(0.02)
                if not terminal.alive():
                    break  # it was led to "Log out"
            if terminal.status is not None:
                assert terminal.status == 0, terminal.text
                continue
            wait_for(lambda: back_to_menu(terminal), 60, "the menu after garbage")
            choose(terminal, "Status", "NODE")
    # what garbage typed into fields may be staged; nothing of it is in place unless somebody confirmed it
    try:
        box.api("/v1/configuration/discard", "POST")
    except ApiError:
        pass
    assert box.api("/v1/configuration") == before
    assert box.process.poll() is None


def back_to_menu(terminal):
    terminal.press("escape")
    terminal.read(0.2)
    assert terminal.alive()
    return "Menu" in terminal.text


# ---- a new channel ----
GUESTS = {"name": "guests", "cidrs": ["10.9.0.0/16"]}


def stage(box, document, value):
    connection = UnixConnection(os.path.join(box.run, "api.socket"), 10)
    try:
        connection.request("PUT", f"/v1/configuration/{document}", json.dumps(value))
        assert connection.getresponse().status == 200
    finally:
        connection.close()


@pytest.fixture
def empty_box(network, no_studio, shared, tmp_path):
    """Nodes with their ports, and nothing else."""
    value = Box(str(tmp_path / "box"), [node(name, i) for i, name in enumerate(network.interfaces)], groups=[])
    shared.boxes.append(value)
    value.write()
    value.start_management()
    yield value
    value.stop()
    shared.boxes.remove(value)


@pytest.fixture
def origins(tmp_path):
    values = [Origin(str(tmp_path / f"origin-{i}"), 9101 + i, password=f"secret-{i}").start() for i in range(2)]
    yield values
    for value in values:
        value.stop()


def answer(terminal, field, value):
    """A field that is typed, or one that is chosen."""
    terminal.choose(field + " ")
    terminal.press("enter")
    terminal.wait_without("n: next step")
    if "Cancel" in terminal.text:
        terminal.press("clear", value, "enter")
    else:
        terminal.choose(value)
        terminal.press("enter")
    terminal.wait("n: next step")


def step(terminal, number, name, answers=(), last=False):
    terminal.wait(f"{number} of 7: {name}")
    for field, value in answers:
        answer(terminal, field, value)
    terminal.press("n")


def test_from_an_empty_box_through_the_wizard_to_the_origins(origins, empty_box, network, tmp_path):
    with Terminal([program("biplane-console"), "--run", empty_box.run]) as terminal:
        choose(terminal, "New channel", "1 of 7: downstream")
        step(terminal, 1, "downstream", [("segment_length", "2")])
        step(terminal, 2, "encodes", [("ladder", "tiny_180p")])
        step(terminal, 3, "class")
        step(terminal, 4, "source", [("senders", "10.77.0.1/32 10.77.1.1/32")])
        step(terminal, 5, "identifiers")
        terminal.wait("! channel", "has to be said")
        answer(terminal, "channel", "first")
        terminal.hang_up()  # the line drops; what was said stays
        assert terminal.wait_end() == LINE_GONE
    with Terminal([program("biplane-console"), "--run", empty_box.run]) as terminal:
        choose(terminal, "New channel", "for channel first")
        terminal.press("escape")  # who does not answer has forgotten nothing
        terminal.wait("1 of 7: downstream")
        terminal.press("q")
        choose(terminal, "New channel", "for channel first")
        terminal.press("enter")
        step(terminal, 1, "downstream")
        step(terminal, 2, "encodes")
        step(terminal, 3, "class")
        step(terminal, 4, "source")
        terminal.wait("channel                    first")
        step(terminal, 5, "identifiers")
        step(terminal, 6, "inputs", [("name", "studio"), ("address_0", "10.77.0.2"), ("address_1", "10.77.1.2")])
        others = {**empty_box.api("/v1/configuration")["box"], "input_security_groups": [GUESTS]}
        stage(empty_box, "documents/box", others)  # by somebody else, while the wizard is open
        step(terminal, 7, "destinations",
             [(f"url_{i}", f"{origin.url}/live/first{'/' if i else ''}") for i, origin in enumerate(origins)] +
             [(f"credentials_{i}", "(new)") for i in range(2)] +
             [(f"user_{i}", origin.user) for i, origin in enumerate(origins)] +
             [(f"password_{i}", origin.password) for i, origin in enumerate(origins)])
        terminal.wait("You are led to it")  # a URL that ends in a slash
        terminal.press("enter")
        terminal.wait("! url_1")
        answer(terminal, "url_1", f"{origins[1].url}/live/first")
        terminal.press("n")
        terminal.wait("Staged changes", "inputs[studio].name: studio")
        groups = empty_box.api("/v1/configuration?staged=1")["box"]["input_security_groups"]
        assert [group["name"] for group in groups] == ["guests", "studio-senders"]
        assert "secret-" not in terminal.text
        terminal.press("a")
        terminal.wait("Not yet")
        terminal.press("tab", "enter")
        terminal.wait("nothing is staged")
        sender = Sender(small_source(), [(network.data_plane(i), 5000, network.sender(i), []) for i in range(2)], network,
                        directory=str(tmp_path))
        sender.start()
        try:
            terminal.press("q")
            choose(terminal, "Status", "first")
            terminal.wait("0 running", "1 running", "present", seconds=60)
            for origin in origins:
                tree = os.path.join(origin.root, "live")
                wait_for(lambda: len(Presentation(tree, "first").playlist("first_180p.m3u8").entries) >= 3, 60,
                         "three segments at the origin", 0.5)
        finally:
            sender.stop()

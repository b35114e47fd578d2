# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may send, and what: nothing of the rest reaches a ring, and an alert says so. On the input "quiet", which has no
sender of its own."""
import pytest

from studio import NAME
from testbed.processes import wait_for
from testbed.sender import Sender


@pytest.fixture
def quiet(studio):
    """before -> function that tells what has grown since, on data plane 0."""
    before = studio.box.input("quiet", 0)

    def growth():
        now = studio.box.input("quiet", 0)
        result = {key: now[key] - before[key] for key in ("received", "payload_bytes", "copied_bytes", "expected", "lost")}
        result.update({key: value - before["drops"][key] for key, value in now["drops"].items()})
        return result
    return growth


def alert(studio, number):
    return next((item for item in studio.box.alerts()
                 if item["id"] == number and item["source"] == "dataplane/0" and item["subject"] == "quiet"), None)


def send(studio, tmp_path, source_address, *options, name="other", port=5002):
    return Sender(studio.clip, [(studio.network.data_plane(0), port, source_address, list(options))], studio.network,
                  directory=str(tmp_path), name=name)


def test_stranger(studio, tmp_path, quiet):
    stranger = studio.network.stranger(0)
    with send(studio, tmp_path, stranger) as sender:
        raised = wait_for(lambda: alert(studio, 4103), 20, "the alert about the security group")
        assert stranger in raised["message"], raised
        wait_for(lambda: quiet()["security_group"] > 100, 20, "packets counted")
    sent = sender.summary["paths"][0]["sent"]
    wait_for(lambda: quiet()["security_group"] == sent, 20, f"all {sent} packets counted")
    assert quiet()["received"] == quiet()["payload_bytes"] == quiet()["copied_bytes"] == 0
    wait_for(lambda: not alert(studio, 4103), 15, "the alert cleared")


def test_stranger_beside_the_source(studio, tmp_path):
    """The same on the input that is on air: the picture is not disturbed."""
    first = studio.newest(0)
    before = studio.box.input("studio", 0)
    with send(studio, tmp_path, studio.network.stranger(0), "--ssrc", "7", port=5000):
        studio.wait_newest(0, first + 3, 20)
    now = studio.box.input("studio", 0)
    assert now["drops"]["security_group"] > before["drops"]["security_group"]
    assert now["drops"]["second_sender"] == before["drops"]["second_sender"]
    assert now["lost"] == before["lost"] and now["source_changes"] == before["source_changes"]
    assert studio.faults(0, first, first + 3) == []


def test_bare_udp(studio, tmp_path, quiet):
    with send(studio, tmp_path, studio.network.sender(0), "--bare-udp") as sender:
        raised = wait_for(lambda: alert(studio, 5304), 20, "the alert about the missing RTP header")
        assert "RTP" in raised["message"], raised
    sent = sender.summary["paths"][0]["sent"]
    wait_for(lambda: quiet()["bare_ts"] == sent, 20, f"all {sent} packets counted")
    assert quiet()["received"] == quiet()["payload_bytes"] == quiet()["copied_bytes"] == 0
    wait_for(lambda: not alert(studio, 5304), 15, "the alert cleared")


def test_two_senders(studio, tmp_path, quiet):
    """The first is followed, the second is dropped, counted, and told."""
    with send(studio, tmp_path, studio.network.sender(0), "--ssrc", "1", name="one"):
        wait_for(lambda: quiet()["received"] > 50, 20, "the first sender heard")
        with send(studio, tmp_path, studio.network.sender(0), "--ssrc", "2", name="two"):
            wait_for(lambda: alert(studio, 5314), 20, "the alert about two senders")
            wait_for(lambda: quiet()["second_sender"] > 50, 20, "packets of the second counted")
            assert studio.box.input("quiet", 0)["ssrc"] == "00000001"
        wait_for(lambda: not alert(studio, 5314), 15, "the alert cleared")
    assert quiet()["lost"] == 0


def test_secrets_are_not_shown(studio):
    """No password in what the box tells or logs."""
    text = studio.box.log_tail(100000) + str(studio.box.api("/v1/status")) + str(studio.box.channel(NAME)) + \
        str(studio.box.api("/v1/counters"))
    assert "secret-0" not in text and "secret-1" not in text

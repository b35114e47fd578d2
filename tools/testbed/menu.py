# SPDX-License-Identifier: GPL-2.0-or-later
"""Walking through biplane-console's menu as a person does: by what stands on the screen."""

import time

FIRST, AGAIN, LATER = "New password", "Again", "Password:"


def log_in(screen, password, seconds):
    """On a serial line, until the menu is on the screen: the first person sets the password, those after her say it."""
    deadline = time.monotonic() + seconds
    while not any(word in screen.text for word in (FIRST, LATER)):
        if time.monotonic() > deadline:
            raise AssertionError(f"no login within {seconds:.0f} s; there is:\n{screen.text}")
        screen.read(1)
    first = FIRST in screen.text
    screen.write(password.encode() + b"\r")
    if first:
        screen.wait(AGAIN, seconds=seconds)
        screen.write(password.encode() + b"\r")
    screen.wait("Biplane", "Status", seconds=max(deadline - time.monotonic(), 30))


def wrong_password(screen, word, seconds):
    """One that does not open: until the line asks again."""
    screen.wait(LATER, seconds=seconds)
    screen.settle()
    screen.screen.reset()
    screen.write(word.encode() + b"\r")
    screen.wait("incorrect", LATER, seconds=seconds)


def back(screen, seconds=30):
    """Until the menu is there, by q where it does not come by itself: one that was typed before a window opened was dropped
    by that."""
    end, again = time.monotonic() + seconds, time.monotonic() + 3
    while "┤ Menu ├" not in screen.text:
        if time.monotonic() > end:
            raise AssertionError(f"no way back to the menu\n{screen.text}")
        if time.monotonic() > again:
            screen.press("q")
            again = time.monotonic() + 3
        screen.read(0.1)


def log_out(screen, seconds=30):
    """From the menu."""
    back(screen, seconds)
    screen.choose("Log out")
    screen.press("enter")
    screen.wait("Stay", seconds=seconds)
    screen.press("tab", "enter")


def choose(screen, entry, *words, seconds=30):
    """An entry of the menu, until these words are on its screen."""
    back(screen, seconds)
    screen.choose(entry)
    screen.press("enter")
    screen.wait(*words, seconds=seconds)


def answer(screen, field, value, seconds=30):
    """A question of the wizard: one that is typed, or one that is chosen from a list."""
    screen.choose(field + " ")
    screen.press("enter")
    screen.wait_without("n: next step", seconds=seconds)
    if "Cancel" in screen.text:
        screen.press("clear", value, "enter")
    else:
        screen.choose(value)
        screen.press("enter")
    screen.wait("n: next step", seconds=seconds)


def step(screen, number, name, answers=(), seconds=30):
    """A step of the wizard, answered, and on to the next."""
    screen.wait(f"{number} of 7: {name}", seconds=seconds)
    for field, value in answers:
        answer(screen, field, value, seconds)
    screen.press("n")


def apply(screen, seconds=30, network=False):
    """What is staged, from its own screen, into effect. network: a change of the network is in it, which is kept."""
    screen.press("a")
    screen.wait("Not yet", seconds=seconds)
    screen.press("tab", "enter")
    if network:
        keep_network(screen, seconds)
    screen.wait("nothing is staged", seconds=seconds)


def set_field(screen, field, value, seconds=30):
    """A field of a form: one that is typed, or one that is chosen from a list."""
    screen.choose(field + " ")
    screen.press("enter")
    screen.wait_without("e: next error", seconds=seconds)
    if "Cancel" in screen.text:
        screen.press("clear", value, "enter")
    else:
        screen.choose(value)
        screen.press("enter")
    screen.wait("e: next error", seconds=seconds)


def keep_network(screen, seconds=30):
    """After a change of the network was applied: it is as it should be."""
    screen.wait("Keep it", seconds=seconds)
    screen.press("tab", "enter")
    screen.wait_without("Keep it", seconds=seconds)


def new_channel(screen, name, source, ladder, senders, addresses, destinations, seconds=30):
    """From the menu through the wizard to a channel that is started: HLS with segments of 2 s, each pipeline to its own
    server. senders: networks; addresses: of the data planes; destinations: (URL, user, password), one a pipeline."""
    choose(screen, "New channel", "1 of 7: downstream", seconds=seconds)
    step(screen, 1, "downstream", [("segment_length", "2")], seconds)
    step(screen, 2, "encodes", [("ladder", ladder)], seconds)
    step(screen, 3, "class", seconds=seconds)
    step(screen, 4, "source", [("senders", " ".join(senders))], seconds)
    step(screen, 5, "identifiers", [("channel", name)], seconds)
    step(screen, 6, "inputs",
         [("name", source)] + [(f"address_{i}", address) for i, address in enumerate(addresses)], seconds)
    step(screen, 7, "destinations",
         [(f"url_{i}", url) for i, (url, _, _) in enumerate(destinations)] +
         [(f"credentials_{i}", "(new)") for i in range(len(destinations))] +
         [(f"user_{i}", user) for i, (_, user, _) in enumerate(destinations)] +
         [(f"password_{i}", password) for i, (_, _, password) in enumerate(destinations)], seconds)
    screen.wait("Staged changes", f"channels/{name}", seconds=seconds)
    apply(screen, seconds)
    screen.press("q")
    back(screen, seconds)


# ---- updates ----
def inspect_bundle(screen, url, *words, seconds=30):
    """The screen of updates, until these words stand there about the bundle at this URL."""
    choose(screen, "Update", "Running:", seconds=seconds)
    screen.press("u")
    screen.wait("Where the bundle is", seconds=seconds)
    screen.press(url, "enter")
    screen.wait("Bundle ", *words, seconds=seconds)


def install_bundle(screen, seconds=30):
    """The one that was looked at."""
    screen.press("i")
    screen.wait("Write this bundle", seconds=seconds)
    screen.press("tab", "enter")
    screen.wait_without("Write this bundle", seconds=seconds)
    screen.wait("done: installed", seconds=seconds)


def boot_other(screen, seconds=30):
    """From the screen of updates."""
    if "Running:" not in screen.text:
        choose(screen, "Update", "Running:", seconds=seconds)
    screen.press("o")
    screen.wait("Restart into the other slot", seconds=seconds)
    screen.press("restart", "enter")

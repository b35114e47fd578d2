# SPDX-License-Identifier: GPL-2.0-or-later
"""Walking through biplane-console's menu as a person does: by what stands on the screen."""


def choose(screen, entry, *words, seconds=30):
    """An entry of the menu, until these words are on its screen."""
    screen.wait("Menu", seconds=seconds)
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


def apply(screen, seconds=30):
    """What is staged, from its own screen, into effect."""
    screen.press("a")
    screen.wait("Not yet", seconds=seconds)
    screen.press("tab", "enter")
    screen.wait("nothing is staged", seconds=seconds)


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
    screen.wait("Menu", seconds=seconds)

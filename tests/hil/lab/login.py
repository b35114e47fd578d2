# SPDX-License-Identifier: GPL-2.0-or-later
"""Logging in on a serial line, as a person: the first one sets the password, those after her say it."""
import time

FIRST, AGAIN, LATER = "New password", "Again", "Password:"


def log_in(screen, password, seconds):
    """Until the menu is on the screen."""
    deadline = time.monotonic() + seconds
    while not any(word in screen.text for word in (FIRST, LATER)):
        if time.monotonic() > deadline:
            raise AssertionError(f"no login within {seconds:.0f} s; there is:\n{screen.text}")
        screen.write(b"\r" if "login" in screen.text.lower() else b"")
        screen.read(1)
    first = FIRST in screen.text
    screen.write(password.encode() + b"\r")
    if first:
        screen.wait(AGAIN, seconds=seconds)
        screen.write(password.encode() + b"\r")
    screen.wait("Biplane", "Status", seconds=max(deadline - time.monotonic(), 30))

# SPDX-License-Identifier: GPL-2.0-or-later
"""How soon the alert of a fault came: a line for each, which pytest -s shows, and for a table BIPLANE_ALERT_TIMES, a file
that it is appended to.

    times = AlertTimes()                       # the fault begins
    times.note("webdav")                       # seen for the first time; again does no harm
    times.print("stall", "webdav", 6010)       # "stall, webdav: alert 6010 after 3.1 s"

Nothing is asserted here: a loaded machine is slow to look. The limits in the tests are generous; the times are for who reads.
"""
import os
import time


class AlertTimes:
    def __init__(self):
        self.began = time.monotonic()
        self.after = {}

    def note(self, name):
        self.after.setdefault(name, time.monotonic() - self.began)

    def print(self, fault, name, alert):
        print_alert_time(fault, name, alert, self.after[name])


def print_alert_time(fault, name, alert, seconds):
    line = f"{fault}, {name}: alert {alert} after {seconds:.1f} s"
    print(line)
    if path := os.environ.get("BIPLANE_ALERT_TIMES"):
        with open(path, "a", encoding="utf-8") as file:
            print(line, file=file)

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command where it can disturb nobody: own network, mount and process namespaces.

    tools/testbed/isolate.py COMMAND [ARGUMENTS...]

Ports, interfaces, namespace names and DPDK's runtime files are then the command's own, and when it ends, however it
ends, every process that it started ends too, also those that were meant to outlive their parents. Needs root.
"""
import os
import signal
import subprocess
import sys

MARK = "BIPLANE_ISOLATED"


def first_process(command):
    """Process 1 of the new namespaces: prepares them, starts the command, buries orphans, ends with the command."""
    for kind, path in (("sysfs", "/sys"), ("tmpfs", "/run")):
        subprocess.run(["mount", "-t", kind, kind, path], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    if os.environ.get(MARK) == "starting":
        os.environ[MARK] = "yes"
        return first_process(arguments)
    if os.geteuid() != 0:
        print("isolate.py: network namespaces need root", file=sys.stderr)
        return 1
    os.environ[MARK] = "starting"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, os.path.abspath(__file__), *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""A time server: chrony at this machine's loopback, whose clock it only tells and does not touch.

    with TimeServer(folder):
        ...                     # port 123 of 127.0.0.1, for a virtual machine that of its host
"""
import os
import subprocess

PROGRAM = "/usr/sbin/chronyd"


class TimeServer:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.process = None

    def __enter__(self):
        configuration = os.path.join(self.folder, "time-server.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"local stratum 3\nallow 127.0.0.1\nbindaddress 127.0.0.1\nbindcmdaddress /\ncmdport 0\n"
                       f"pidfile {self.folder}/time-server.pid\n")
        with open(os.path.join(self.folder, "time-server.log"), "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-d", "-x", "-u", "root", "-f", configuration],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A screen of 80 columns and 24 lines, on whatever line: keystrokes in, the screen read back."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

KEYS = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "enter": "\r", "tab": "\t",
        "escape": "\x1b", "pgdn": "\x1b[6~", "pgup": "\x1b[5~", "backspace": "\x7f", "clear": "\x15"}


class Screen:
    """What is drawn by the bytes of a line. A line of a kind: write(data), and receive(seconds), which returns what there is
    as soon as there is something, and nothing after that time or when the line is gone."""

    def __init__(self, columns=80, rows=24):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.stream.select_other_charset("@")  # a vt220 draws lines by its own character set

    # ---- in ----
    def press(self, *keys):
        """Names of keys, or text that is typed as it is. Waits for what each does: keys that are typed before a window
        opens are dropped by it."""
        for key in keys:
            before, end = self._seen(), time.monotonic() + 0.7
            self.write(KEYS.get(key, key).encode())
            while self._seen() == before and time.monotonic() < end:
                self.read(0.05)
            self.settle(0.1)

    def _seen(self):
        return self.text, self.selected(), self.screen.cursor.x, self.screen.cursor.y

    # ---- out ----
    def read(self, seconds):
        """What comes within this time, into the screen."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            data = self.receive(left)
            if not data:
                return
            self.stream.feed(data)

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait(self, *words, seconds=30):
        """Until all these words are on the screen; returns it."""
        end = time.monotonic() + seconds
        while not all(word in self.text for word in words):
            if time.monotonic() > end:
                raise AssertionError(f"never on the screen: {[word for word in words if word not in self.text]}\n"
                                     f"{self.text}")
            self.read(0.1)
        return self.text

    def wait_without(self, word, seconds=30):
        end = time.monotonic() + seconds
        while word in self.text:
            if time.monotonic() > end:
                raise AssertionError(f"still on the screen: {word}\n{self.text}")
            self.read(0.1)

    def settle(self, quiet=0.15, seconds=5):
        """Until nothing more comes for a moment: what was typed has been dealt with."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.text
            self.read(quiet)
            if self.text == before:
                return

    def _moves(self, key):
        """Does the cursor of a list move by this key?"""
        before = self.text, self.selected()
        self.press(key)
        return (self.text, self.selected()) != before

    def choose(self, word, seconds=60):
        """Moves the cursor of a list, from its top, to the line with this word: it is drawn in reverse."""
        end = time.monotonic() + seconds
        self.settle()
        while time.monotonic() < end:
            while self._moves("pgup"):
                pass
            while word not in self.selected():
                if not self._moves("down"):
                    break  # the end of the list
            self.settle(0.1)
            if word in self.selected():
                return
        raise AssertionError(f"{word} was never chosen\n{self.text}")

    def selected(self):
        """The text of the longest run of reversed characters: a list's cursor."""
        best = ""
        for row in range(self.screen.lines):
            cells = self.screen.buffer[row]
            run = "".join(cells[column].data if cells[column].reverse else "\0"
                          for column in range(self.screen.columns))
            best = max([best, *run.split("\0")], key=len)
        return best


class LineScreen(Screen):
    """A screen behind a virtual machine's serial line (testbed.qemu.Line), from what comes now on."""

    def __init__(self, line):
        super().__init__()
        self.line, self.position = line, len(line.raw)

    def write(self, data):
        self.line.socket.sendall(data)

    def receive(self, seconds):
        with self.line.changed:
            if len(self.line.raw) == self.position:
                self.line.changed.wait(seconds)
            data = bytes(self.line.raw[self.position:])
        self.position += len(data)
        return data


class Terminal(Screen):
    """A program on a pseudo terminal of its own."""

    def __init__(self, command, columns=80, rows=24, term="vt220"):
        super().__init__(columns, rows)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = term
            try:
                os.execv(command[0], command)
            finally:
                os._exit(127)
        self.status = None
        self._size(columns, rows)

    def _size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self._size(columns, rows)

    def write(self, data):
        os.write(self.master, data)

    def receive(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""  # the program has ended

    # ---- the end ----
    def hang_up(self):
        """The line drops: SIGHUP, and nobody at the other end."""
        os.close(self.master)
        self.master = -1

    def wait_end(self, seconds=10):
        """Its exit status, or minus the signal that ended it."""
        end = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise AssertionError(f"the program goes on\n{self.text}")
            elif self.master >= 0:
                self.read(0.05)
            else:
                time.sleep(0.02)
        return self.status

    def alive(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is None

    def close(self):
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

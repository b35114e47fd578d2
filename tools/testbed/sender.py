# SPDX-License-Identifier: GPL-2.0-or-later
"""A running biplane-rtpsend, steered over its control FIFO."""
import json
import os
import subprocess

from .processes import ROOT, build_directory, end, program, run, start, wait_for


def source(kind="clip", size="1280x720", fps=25, rate=7_000_000, audio="aac", video_rate=None):
    """Path of source material (see tools/make_source.sh); made once and kept beside the programs."""
    path = os.path.join(build_directory(), "media", f"{kind}-{size}-{fps}-{rate}-{audio}-{video_rate or 0}.ts")
    script = os.path.join(ROOT, "tools", "make_source.sh")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(script):
        run(script, kind, path, size, fps, rate, audio, *([video_rate] if video_rate else []))
    return path


def small_source():
    """A small picture, quickly encoded, in a multiplex that has as many packets as a real one."""
    return source("test", "320x180", 25, 7_000_000, video_rate=700_000)


class Sender:
    """destinations: list of (address, port, source address or None, [path options]). network: None is where we are."""

    def __init__(self, file, destinations, network=None, options=(), directory="/tmp", loop=True, name="sender"):
        self.file, self.destinations, self.network = file, destinations, network
        self.options, self.loop = list(options), loop
        self.log = os.path.join(directory, f"{name}.log")
        self.control = os.path.join(directory, f"{name}.control")
        self.process = None
        self.summary = None

    @staticmethod
    def _target(address, port, source_address):
        def bracket(text):
            return f"[{text}]" if ":" in text else text
        return f"{bracket(address)}:{port}" + (f"@{bracket(source_address)}" if source_address else "")

    def start(self):
        command = [program("biplane-rtpsend"), self.file, "--control", self.control, *self.options]
        if self.loop:
            command.append("--loop")
        for address, port, source_address, path_options in self.destinations:
            command += ["--to", self._target(address, port, source_address), *path_options]
        if self.network:
            command = self.network.command(*command)
        self.process = start(command, log=self.log, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: os.path.exists(self.control) or self.process.poll() is not None, 10, "the sender's FIFO")
        return self

    def tell(self, line):
        """One command line: "cut 0", "resume 0", "loss 1 2.5", "ssrc 0 77", ..."""
        descriptor = os.open(self.control, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)

    def stop(self):
        """Ends it; returns its summary."""
        if self.process:
            if self.process.poll() is None:
                self.process.terminate()
            try:
                output, _ = self.process.communicate(timeout=5)
                lines = output.strip().splitlines()
                self.summary = json.loads(lines[-1]) if lines else None
            except (subprocess.TimeoutExpired, ValueError):
                end(self.process)
            self.process = None
        return self.summary

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that are always ended by whoever started them, by their id."""
import ctypes
import os
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def build_directory():
    """Where the programs were built: the environment's BUILD, relative to the source tree, or build/."""
    return os.path.join(ROOT, os.environ.get("BUILD") or "build")


def program(name):
    return os.path.join(build_directory(), "bin", name)


def begin_child():
    """In the child: Ctrl-C on the terminal is for us, not for it; and it ends when we end, however we end."""
    os.setsid()
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run(*command, check=True, **options):
    """Runs a command to its end; returns what it printed. Its error output is in the exception when it fails."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(str(word) for word in command)}: {result.stderr.strip() or result.returncode}")
    return result.stdout


def start(command, log=None, **options):
    """Starts a process that ends at the latest with us. log: a path that its output is appended to."""
    output = open(log, "ab") if log else subprocess.DEVNULL
    try:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                stdout=options.pop("stdout", output), stderr=output, preexec_fn=begin_child,
                                **options)
    finally:
        if log:
            output.close()


def end(process, seconds=5):
    """Asks a process of ours to end, then makes it. None is fine."""
    if process is None:
        return None
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def alive(pid):
    """Runs, and is not only waiting to be buried."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_seconds(pid):
    """User and system time of a process since its start; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    except OSError:
        return 0.0


def memory_bytes(pid):
    """Resident memory that is the process's own, shared pages divided among their users (PSS); 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def end_pid(pid, executable, seconds=3):
    """Ends a process that is not our child, if it still is what we think it is."""
    try:
        if os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")) != executable:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    except (OSError, ProcessLookupError):
        pass


class Ended(RuntimeError):
    """What is waited for cannot come any more."""


def wait_for(condition, seconds, what, interval=0.1):
    """Waits until condition() is true and returns what it returned; its exceptions count as not yet."""
    deadline = time.monotonic() + seconds
    reason = ""
    while True:
        try:
            value = condition()
            if value:
                return value
            reason = f"last: {value!r}"
        except Ended:
            raise
        except Exception as error:  # whatever is not ready yet
            reason = f"last: {error}"
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s ({reason})")
        time.sleep(interval)

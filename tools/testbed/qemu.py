# SPDX-License-Identifier: GPL-2.0-or-later
"""The board qemu-twin: a virtual machine with two NUMA nodes, a NIC for each data plane on its node, one for management.

    machine = Machine(folder, image="build/image/qemu-twin/disk.img")
    machine.start()
    machine.console.expect("New password")          # the serial line, as a person has it
    status, text = machine.shell.run("uname -a")    # a second line with a shell, of this board only
    machine.link("port0", False)                    # pull a cable
    machine.plug_stick("stick.img")                 # a USB stick
    machine.cut()                                   # pull the power
    machine.start()                                 # and again

NICs of the data planes are tap devices (`bpq0`, `bpq1`) with the studio's end of 10.78.0.0/24 and 10.78.1.0/24; the box
reaches the host's loopback as 10.0.2.2 through the management NIC, and its ssh is at port 8322 of that loopback. Root is
needed for the taps: run in namespaces of your own (isolate.py). With Machine(..., taps=False) the data NICs are plugged into nothing.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOST = "10.0.2.2"
BOOT_LOADER = "Welcome to GRUB"
SSH_PORT = 8322  # of the host's loopback, that leads to the machine's
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>78]")


class Gone(Exception):
    """The machine ended, or did not say in time what it should."""


class Restarted(Gone):
    """The machine started anew while it was asked something."""


class Line:
    """A serial line: everything that came is kept, expect() moves on through it."""

    def __init__(self, path, log):
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.log = open(log, "ab", buffering=0)
        self.raw = bytearray()  # as it came, for those who draw a screen of it
        self.seen = ""     # without escape sequences
        self.rest = b""    # the beginning of one that has not come whole
        self.position = 0
        self.changed = threading.Condition()
        self.closed = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            with self.changed:
                if not data:
                    self.closed = True
                    self.changed.notify_all()
                    return
                self.raw += data
                self._take(self.rest + data)
                self.changed.notify_all()
            self.log.write(data)

    def _take(self, data):
        """Escape sequences may stand inside of words, and be cut anywhere."""
        escape = data.rfind(b"\x1b")
        cut = escape if escape >= 0 and len(data) - escape < 16 and not ESCAPES.match(data[escape:].decode("latin-1")) \
            else len(data)
        self.rest = data[cut:]
        self.seen += ESCAPES.sub("", data[:cut].decode("utf-8", "replace").replace("\0", ""))

    def text(self):
        """What came since the last expect(), without escape sequences."""
        return self.seen[self.position:]

    def expect(self, pattern, seconds=60):
        """Waits until the regular expression is in what came since the last one; gives the match."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                match = re.search(pattern, self.text(), re.S)
                if match:
                    self.position += match.end()
                    return match
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    raise Gone(f"{pattern!r} did not come within {seconds} s; there is:\n{self.text()[-3000:]}")
                self.changed.wait(left)

    def send(self, text):
        self.socket.sendall(text.encode())

    def close(self):
        self.socket.close()


class Shell:
    """Commands on a line with a plain shell."""

    def __init__(self, line):
        self.line = line
        self.count = 0
        self.is_ready = False

    def ready(self, seconds=180):
        """Waits until the shell is there. Nothing is typed before: firmware and boot loader listen on this line too."""
        if not self.is_ready:
            self.line.expect(r"root@\S+# ", seconds)
            self.run("true", seconds)
            self.is_ready = True

    def restarting(self, seconds=180):
        """After something that restarts the machine: until its boot loader."""
        self.line.expect(BOOT_LOADER, seconds)
        self.is_ready = False

    def run(self, command, seconds=60):
        """(exit status, output) of a command."""
        self.count += 1
        mark = f"mark-{self.count}-{os.getpid()}"
        # the mark is put together by the shell, so that the echo of the command is not taken for it
        self.line.send(f"echo begin-''{mark}; {{ {command}\n}} 2>&1 </dev/null; echo end-''{mark}:$?:\n")
        match = self.line.expect(rf"begin-{mark}\s*\n(.*?)end-{mark}:(\d+):|{BOOT_LOADER}", seconds)
        if match.group(2) is None:
            self.is_ready = False
            raise Restarted(f"the machine restarted before the end of: {command}")
        return int(match.group(2)), match.group(1).replace("\r", "").strip("\n")

    def output(self, command, seconds=60):
        """Output of a command that must succeed."""
        status, text = self.run(command, seconds)
        assert status == 0, f"{command}: status {status}: {text}"
        return text


class Monitor:
    """QEMU's own socket: cables, reset."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.events = []
        self.command("qmp_capabilities")

    def command(self, execute, **arguments):
        self.file.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Gone(answer["error"]["desc"])
            self.events.append(answer.get("event"))

    def wait_event(self, name):
        """One that came since it was last waited for, or comes now."""
        while name not in self.events:
            self.events.append(json.loads(self.file.readline()).get("event"))
        self.events.remove(name)

    def close(self):
        self.socket.close()


def accelerator(kernel):
    """"kvm" if a kernel really starts with it, else "tcg". That /dev/kvm exists says nothing: try."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "kvm", "-cpu", "host", "-m", "512", "-display", "none",
               "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot", "-kernel", kernel,
               "-append", "console=ttyS0 panic=-1"]
    try:
        tried = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               timeout=20)
        return "kvm" if b"Kernel panic" in tried.stdout else "tcg"
    except subprocess.TimeoutExpired:
        return "tcg"


class Machine:
    def __init__(self, folder, image, kernel=None, taps=True, disk_gib=4, memory_mib=2048):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.disk = os.path.join(self.folder, "disk.img")
        self.variables = os.path.join(self.folder, "efi-variables.fd")
        self.memory_mib = memory_mib
        self.taps = taps
        self.clock = None  # "1990-01-01T00:00:00": what its own clock says when it is switched on, as with an empty battery
        self.accelerator = accelerator(kernel or os.path.join(os.path.dirname(image), "vmlinuz"))
        self.process = self.console = self.shell = self.monitor = None
        # as written to a larger disk
        subprocess.run(["cp", "--sparse=always", image, self.disk], check=True)
        os.truncate(self.disk, disk_gib << 30)
        shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", self.variables)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _network(self):
        words = []
        for port in (0, 1):
            tap = f"bpq{port}"
            if self.taps:
                words += ["-netdev", f"tap,id=net{port},ifname={tap},script=no,downscript=no"]
            else:
                words += ["-netdev", f"hubport,id=net{port},hubid={port}"]
            node, bus = port, 32 + 32 * port
            words += ["-device", f"pxb-pcie,id=node{port},bus_nr={bus},bus=pcie.0,numa_node={node}",
                      "-device", f"pcie-root-port,id=slot{port},bus=node{port},chassis={port + 1}",
                      "-device", f"e1000e,id=port{port},netdev=net{port},bus=slot{port},romfile=,mac=52:54:00:78:0{port}:02"]
        words += ["-netdev", f"user,id=management,hostfwd=tcp:127.0.0.1:{SSH_PORT}-:22", "-device",
                  "virtio-net-pci,id=mgmt,netdev=management,bus=pcie.0,romfile=,mac=52:54:00:78:02:02"]
        return words

    def _command(self):
        half = self.memory_mib // 2
        cpu = "host" if self.accelerator == "kvm" else "max"
        accelerate = "kvm" if self.accelerator == "kvm" else "tcg,thread=multi"
        command = ["qemu-system-x86_64", "-name", "biplane", "-M", "q35,kernel-irqchip=split", "-accel", accelerate,
                   "-cpu", cpu, "-smp", "4,sockets=2,cores=2", "-m", str(self.memory_mib)]
        for node in (0, 1):
            command += ["-object", f"memory-backend-ram,size={half}M,id=memory{node}", "-numa",
                        f"node,nodeid={node},cpus={2 * node}-{2 * node + 1},memdev=memory{node}"]
        # unsafe: what the machine has written stays in this machine's memory when QEMU is killed, with any kind of cache
        command += ["-device", "intel-iommu,intremap=on,caching-mode=on",
                    "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
                    "-drive", f"if=pflash,format=raw,file={self.variables}",
                    "-drive", f"file={self.disk},format=raw,if=none,id=disk,cache=unsafe",
                    "-device", "virtio-blk-pci,drive=disk,bus=pcie.0,bootindex=0",
                    "-global", "ICH9-LPC.noreboot=false", "-action", "watchdog=reset",
                    "-device", "virtio-rng-pci,bus=pcie.0", "-device", "qemu-xhci,id=usb,bus=pcie.0", "-display", "none", "-nodefaults", "-no-user-config"]
        if self.clock:
            command += ["-rtc", f"base={self.clock}"]
        for name in ("console", "shell"):
            command += ["-chardev", f"socket,id={name},path={self._path(name)},server=on,wait=on",
                        "-serial", f"chardev:{name}"]
        command += ["-qmp", f"unix:{self._path('monitor')},server=on,wait=off"]
        return command + self._network()

    def _make_taps(self):
        for port in (0, 1):
            tap = f"bpq{port}"
            if subprocess.run(["ip", "link", "show", tap], capture_output=True).returncode == 0:
                continue
            subprocess.run(["ip", "tuntap", "add", tap, "mode", "tap"], check=True)
            subprocess.run(["ip", "address", "add", f"10.78.{port}.1/24", "dev", tap], check=True)
            subprocess.run(["ip", "link", "set", tap, "up"], check=True)

    def start(self):
        """Power on."""
        assert not self.process
        if self.taps:
            self._make_taps()
        for name in ("console", "shell", "monitor"):
            if os.path.exists(self._path(name)):
                os.unlink(self._path(name))
        with open(self._path("qemu.log"), "ab") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.console = Line(self._path("console"), self._path("console.log"))
            self.shell = Shell(Line(self._path("shell"), self._path("shell.log")))
            deadline = time.monotonic() + 20
            while not os.path.exists(self._path("monitor")) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.monitor = Monitor(self._path("monitor"))
        except OSError as error:
            self.cut()
            with open(self._path("qemu.log"), errors="replace") as log:
                raise Gone(f"QEMU did not start: {error}: {log.read()[-2000:]}") from error

    def cut(self):
        """Power off, as by pulling the cable."""
        if not self.process:
            return
        self.process.kill()
        self.process.wait()
        for part in (self.console, self.shell and self.shell.line, self.monitor):
            if part:
                part.close()
        self.process = self.console = self.shell = self.monitor = None

    def link(self, name, up):
        """Cable of port0, port1 or mgmt."""
        self.monitor.command("set_link", name=name, up=up)

    def plug_stick(self, image):
        """A USB stick whose blocks are this file."""
        self.monitor.command("blockdev-add", **{"node-name": "stick", "driver": "raw",
                                                "file": {"driver": "file", "filename": os.path.abspath(image)}})
        self.monitor.command("device_add", driver="usb-storage", id="stick", bus="usb.0", drive="stick", removable=True)

    def unplug_stick(self):
        self.monitor.command("device_del", id="stick")
        self.monitor.wait_event("DEVICE_DELETED")
        self.monitor.command("blockdev-del", **{"node-name": "stick"})

    def reset(self):
        self.monitor.command("system_reset")

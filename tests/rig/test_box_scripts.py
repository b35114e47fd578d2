# SPDX-License-Identifier: GPL-2.0-or-later
"""The box's own scripts (rootfs/overlay) where a disk is full, a server stalls, power goes away between two renames: run as
they are, over this machine's /usr, with a /data of their own and stand-ins for what they would do to a real box."""
import http.server
import os
import shutil
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.light

OVERLAY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "rootfs/overlay")
STAND_INS = {
    "usr/lib/biplane/release": "version=1.0\noldest=0.1\nlayout=1\n",
    "usr/lib/biplane/board": "dev\n",
    "usr/lib/biplane/shadow": "root:*:::::::\n",
    "usr/lib/biplane/identity": "#!/bin/sh\n",
    "usr/lib/biplane/firewall": "#!/bin/sh\n",
    "usr/share/biplane/boards/dev/first-box.cfg": "FIRST BOX\n",
    "usr/share/biplane/boards/dev/image.conf": "compatible=dev\n",
    "usr/bin/rauc": "#!/bin/sh\necho rauc $* >>/run/told\n",
    "usr/bin/systemctl": "#!/bin/sh\necho systemctl $* >>/run/told\n",
    "usr/bin/networkctl": "#!/bin/sh\n",
    "usr/bin/chronyc": "#!/bin/sh\n",
    "usr/bin/setpriv": "#!/bin/sh\nwhile case $1 in --*) ;; *) false ;; esac; do shift; done\nexec \"$@\"\n",
    "usr/bin/biplanectl": "#!/bin/sh\ncat /data/channels.json\n",
}
NEARER = {"PATH": "/data/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
PENDING_CHANNELS = '[{"name": "news", "pipelines": [{"pipeline": 0, "state": "running"}, {"pipeline": 1, "state": "idle"}]}]'


class Box:
    """A root of its own: this machine's programs, the overlay's scripts, a small /data."""

    def __init__(self, directory, data_bytes=1 << 20):
        self.root, stand_ins = str(directory / "root"), str(directory / "stand-ins")
        for path, text in STAND_INS.items():
            path = os.path.join(stand_ins, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o755)
        shutil.copytree(os.path.join(OVERLAY, "usr"), os.path.join(stand_ins, "usr"), dirs_exist_ok=True,
                        ignore=lambda folder, names: [n for n in names if os.path.relpath(os.path.join(folder, n), OVERLAY) in STAND_INS])
        os.makedirs(os.path.join(stand_ins, "usr/lib/biplane/migrations"), exist_ok=True)
        for name in ("usr", "data", "etc", "proc", "dev", "tmp", "run/biplane/network/network", "run/biplane/network/ntp"):
            os.makedirs(os.path.join(self.root, name))
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{name}", os.path.join(self.root, name))
        self.stand_ins = os.path.join(stand_ins, "usr")
        self.mounts = [("overlay", "overlay", f"lowerdir={self.stand_ins}:/usr", "usr"), ("tmpfs", "tmpfs", f"size={data_bytes}", "data"),
                       ("/etc", None, "bind", "etc"), ("/proc", None, "bind", "proc"), ("/dev", None, "bind", "dev")]
        for what, kind, options, place in self.mounts:
            subprocess.run(["mount", *(["-t", kind] if kind else []), "-o", options, what, os.path.join(self.root, place)], check=True)
        for folder in ("data/update", "data/log", "data/system/network", "data/system/ntp"):
            os.makedirs(self.path(folder))

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def fill(self):
        """Not a byte is left on the data partition."""
        with open(self.path("data/spool-of-others"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def run(self, *command, request=None, timeout=60):
        return subprocess.run(["chroot", self.root, *command], input=request, capture_output=True, text=True, timeout=timeout,
                              check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def close(self):
        for *_, place in reversed(self.mounts):
            subprocess.run(["umount", "-l", os.path.join(self.root, place)], check=True)


@pytest.fixture
def box(tmp_path):
    value = Box(tmp_path)
    yield value
    value.close()


def network_request(box):
    return box.run("/usr/lib/biplane/machine", request="network\t/run/biplane/network\n").stdout


def test_the_network_stays_when_the_disk_is_full(box):
    name, before = "10-biplane-eth0.network", "[Network]\nAddress=10.0.0.1/24\n"
    box.write(f"data/system/network/{name}", before)
    box.write(f"run/biplane/network/network/{name}", before.replace("10.0.0.1", "10.0.0.2") * 100)
    box.write("run/biplane/network/ssh-on", "tcp dport 22 accept\n")
    box.fill()
    told = network_request(box)
    assert told.endswith("exit 1\n") and "could be written" in told
    assert "could be written" in box.read("run/biplane-faults/network")
    assert box.read(f"data/system/network/{name}") == before and os.listdir(box.path("data/system/network")) == [name]
    assert not os.path.exists(box.path("data/system/ssh-on"))
    os.remove(box.path("data/spool-of-others"))
    assert network_request(box).endswith("exit 0\n")
    assert "10.0.0.2" in box.read(f"data/system/network/{name}") and not os.path.exists(box.path("run/biplane-faults/network"))
    assert box.read("data/system/ssh-on") == "tcp dport 22 accept\n"


def test_time_servers_of_the_menu_are_asked_alone(box):
    pool = box.read("usr/lib/biplane/default.sources")
    for default, servers, left in ((pool, "server 10.0.0.1 iburst\n", None), (None, "", pool),
                                   ("# as an older image had it\n" + pool, "server 10.0.0.1 iburst\n", None),
                                   ("server mine\n", "server 10.0.0.1 iburst\n", "server mine\n"),
                                   ("server mine\n", "", "server mine\n"), ("", "", "")):
        if default is not None:
            box.write("data/system/ntp/default.sources", default)
        box.write("run/biplane/network/ntp/biplane.sources", "# written\n" + servers)
        assert network_request(box).endswith("exit 0\n")
        assert servers in box.read("data/system/ntp/biplane.sources")
        now = box.read("data/system/ntp/default.sources")
        assert now == left if left is not None else now.startswith("#") and "pool" in now and "\npool" not in now


def test_no_restart_without_knowing_what_is_to_run(box):
    box.write("data/update/slot-A", "2.0\n")
    box.write("data/channels.json", PENDING_CHANNELS)
    box.fill()
    answer = box.run("biplane-update", "boot")
    assert answer.returncode == 1 and "cannot be written" in answer.stderr
    assert os.listdir(box.path("data/update")) == ["slot-A"]
    os.remove(box.path("data/spool-of-others"))
    os.remove(box.path("data/channels.json"))
    answer = box.run("biplane-update", "boot")
    assert answer.returncode == 1 and "biplaned does not answer" in answer.stderr
    assert not os.path.exists(box.path("run/told"))  # nobody was told to restart
    box.write("data/channels.json", PENDING_CHANNELS)
    box.write("data/update/last", "2026-01-01T00:00:00Z version 2.0 went back to 1.0: there was no news/0\n")
    answer = box.run("biplane-update", "boot")
    assert answer.returncode == 0, answer
    assert not os.path.exists(box.path("data/update/last"))  # that was the time before
    assert box.read("run/told") == "rauc status mark-active other\nsystemctl reboot\n"
    assert box.read("data/update/pending") == "from_version='1.0' to_version='2.0' to_slot=A\nchannels='news/0'\n"


def test_a_way_back_when_biplaned_does_not_answer(box):
    box.write("data/update/slot-A", "0.9\n")
    for words in (["rollback"], ["boot", "--anyway"]):
        answer = box.run("biplane-update", *words)
        assert answer.returncode == 0 and "only biplaned is waited for" in answer.stderr, answer
        assert box.read("data/update/pending") == "from_version='1.0' to_version='0.9' to_slot=A\nchannels=''\n"
    box.write("data/channels.json", PENDING_CHANNELS)
    answer = box.run("biplane-update", "rollback")
    assert answer.returncode == 0 and "waited" not in answer.stderr, answer
    assert box.read("data/update/pending").endswith("channels='news/0'\n")
    assert box.read("run/told") == 3 * "rauc status mark-active other\nsystemctl reboot\n"


def goes_back(box, rauc_status):
    """A version in slot A whose biplaned does not come up, as it does not take the configuration; gives what was done."""
    script = box.read("usr/lib/biplane/confirm")
    assert "\nconfirm_seconds=300\n" in script
    box.write("data/confirm", script.replace("confirm_seconds=300", "confirm_seconds=0"))
    box.write("data/update/pending", "from_version='1.0' to_version='2.0' to_slot=A\nchannels='news/0'\n")
    box.write("data/cmdline", "root=/dev/dm-0 rauc.slot=A\n")
    box.write("efi/EFI/BOOT/grubenv", "# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=1\nB_OK=1\nB_TRY=0\n".ljust(1024, "#"))
    stand_in(box, "biplanectl", "[ \"$1\" = check ] || exit 1\necho \"$2/box.cfg:7: it is refused\" >&2\necho more >&2\nexit 1\n")
    stand_in(box, "rauc", f"echo rauc $* >>/run/told\nexit {rauc_status}\n")
    stand_in(box, "sleep", "echo sleep $* >>/run/told\n")
    subprocess.run(["mount", "--bind", box.path("data/cmdline"), box.path("proc/cmdline")], check=True)
    answer = subprocess.run(["chroot", box.root, "bash", "/data/confirm"], capture_output=True, text=True, env=NEARER, timeout=60,
                            check=False)
    assert answer.returncode == 1, answer
    assert box.read("data/update/last").endswith(
        " version 2.0 went back to 1.0: after 0 s there was no biplaned: /etc/biplane/box.cfg:7: it is refused\n")
    return box.read("run/told")


def test_a_version_that_does_not_take_the_configuration_says_so(box):
    assert goes_back(box, 0) == "rauc status mark-bad booted\nrauc status mark-active other\nsystemctl reboot\n"


def test_the_way_back_does_not_wait_for_rauc(box):
    """Nothing is on the air meanwhile; and GRUB is to know where to go."""
    assert goes_back(box, 1) == "rauc status mark-bad booted\nsystemctl reboot\n"
    noted = box.read("efi/EFI/BOOT/grubenv").split("#")[1].split("\n")[1:]
    assert set(noted) - {""} == {"ORDER=B A", "A_OK=0", "A_TRY=0", "B_OK=1", "B_TRY=0"}, noted


def test_a_clock_that_was_set_is_told_once(box):
    """However the box's two clocks lie to each other when they are looked at."""
    # a clock that is ahead of /proc/uptime by a day and what the file says
    box.write("run/set-by", "0")
    stand_in(box, "date", "read -r up _ </proc/uptime\nns=$((10#${up/./}0000000 + 86400000000000 + $(cat /run/set-by)))\n"
             "case $1 in +%s) echo $((ns / 1000000000)) ;; +%s%N) echo $ns ;; esac\n")
    stand_in(box, "biplaned", "exit 0\n")
    stand_in(box, "systemd-notify", "echo told >/run/notified\n")
    stand_in(box, "sleep", "echo >>/run/rounds\nread -rt 0.07 <>/run/nothing\n")
    subprocess.run(["mkfifo", box.path("run/nothing")], check=True)
    alert = box.path("run/biplane-faults/clock-late")
    with subprocess.Popen(["chroot", box.root, "/usr/lib/biplane/clock"], stdout=subprocess.PIPE, text=True, env=NEARER) as clock:
        try:
            rounds_pass(box, 3)
            assert not os.path.exists(alert)
            for set_by, is_told in ((3000000000, True), (-300500000000, True), (0, False)):
                box.write("run/set-by.new", str(set_by))
                os.replace(box.path("run/set-by.new"), box.path("run/set-by"))
                rounds_pass(box, 30)
                assert os.path.exists(alert) == is_told
        finally:
            clock.terminate()
        said = [line.split(" s after")[0] for line in clock.stdout if "was set by" in line]
    assert said in (["the clock was set by 3", f"the clock was set by -{seconds}"] for seconds in (300, 301)), said


def stand_in(box, name, text):
    """Of one test; see NEARER."""
    box.write(f"data/bin/{name}", f"#!/bin/bash\n{text}")
    os.chmod(box.path(f"data/bin/{name}"), 0o755)


def rounds_pass(box, count):
    """Of a script that does something again and again."""
    def passed():
        return len(box.read("run/rounds")) if os.path.exists(box.path("run/rounds")) else 0
    until, limit = passed() + count, time.monotonic() + 60
    while passed() < until:
        assert time.monotonic() < limit, "it does nothing any more"
        time.sleep(0.02)


@pytest.mark.parametrize("last, told", [
    ("version 0.9 is good: news/0 on the air again", "version 2.0 went back to 1.0: it did not come up"),
    ("version 2.0 went back to 1.0: after 300 s there was no news/0", "version 2.0 went back to 1.0: after 300 s there was no news/0")])
def test_the_alert_tells_of_this_update_on_a_full_disk(box, last, told):
    box.write("data/update/last", f"2026-01-01T00:00:00Z {last}\n")
    box.write("data/update/pending", "from_version='1.0' to_version='2.0' to_slot=A\nchannels='news/0'\n")
    box.write("data/channels.json", PENDING_CHANNELS)
    box.fill()
    assert box.run("/usr/lib/biplane/confirm").returncode == 0
    assert box.read("run/biplane-faults/update") == told + "\n"
    assert not os.path.exists(box.path("data/update/pending"))


class Endless(http.server.BaseHTTPRequestHandler):
    """Never tells how long its answer is."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def log_message(self, *_):
        pass


def test_an_endless_bundle_does_not_fill_the_disk(box, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = box.path("usr/sbin/biplane-update")
    with open(script, encoding="utf-8") as file:  # the same, with a bound that this /data has room for
        text = file.read()
    assert "bundle_kib=614400 " in text
    box.write("data/biplane-update", text.replace("bundle_kib=614400 ", "bundle_kib=512 "))
    answer = box.run("bash", "/data/biplane-update", "info", f"http://127.0.0.1:{server.server_port}/x.raucb")
    server.shutdown()
    assert answer.returncode == 1 and "cannot be fetched" in answer.stderr, answer
    assert os.listdir(box.path("data/update")) == []


# what is there after a cut behind each command of migrate's replace(), from layout 0 to 1
CUTS = {
    "copied": {"config": 0, "config.new": 1},
    "old away": {"config.old": 0, "config.new": 1},
    "new in place": {"config": 1, "config.old": 0},
    "done": {"config": 1, "config.layout-0": 0},
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_migration_that_is_cut_off_goes_on(box, cut):
    with open(os.path.join(box.stand_ins, "lib/biplane/migrations/1-test"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nsed -i s/old/new/ $1/box.cfg\n")
    os.chmod(file.name, 0o755)
    for folder, layout in CUTS[cut].items():
        box.write(f"data/{folder}/box.cfg", ("old", "new")[layout] + " settings\n")
        box.write(f"data/{folder}/.layout", f"{layout}\n")
    box.write("data/system/machine-id", "0123456789\n")
    with open(os.path.join(box.stand_ins, "bin/chown"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")  # the box's users are not here
    os.chmod(file.name, 0o755)
    box.run("/usr/lib/biplane/prepare-data")
    answer = box.run("/usr/lib/biplane/migrate")
    assert answer.returncode == 0, answer
    assert box.read("data/config/box.cfg") == "new settings\n" and box.read("data/config/.layout") == "1\n"
    assert box.read("data/config.layout-0/box.cfg") == "old settings\n"
    assert not os.path.exists(box.path("data/config.old")) and not os.path.exists(box.path("data/config.new"))
    assert box.run("/usr/lib/biplane/migrate").returncode == 0  # and the next start finds nothing to do

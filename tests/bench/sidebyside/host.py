# SPDX-License-Identifier: Apache-2.0
"""Processes and pairs of network namespaces; whatever was begun here is ended by close(), on every way out."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

OUTER = {"a": "192.0.2.1", "b": "192.0.2.2"}
INNER = {"a": "10.98.0.1", "b": "10.98.0.2"}
OTHER = {"a": "b", "b": "a"}


class Trouble(Exception):
    """Something did not work; its text is for the reader."""


def run(command, timeout=30, check=True, **more):
    """Standard output and error of a finished command; Trouble if it fails and check is set."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=timeout, stdin=more.pop("stdin", subprocess.DEVNULL)
                              if "input" not in more else None, **more)
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        raise Trouble(f"{' '.join(command)}: no end after {timeout} s")
    if check and done.returncode:
        raise Trouble(f"{' '.join(command)}: {done.stdout.strip()[-600:]}")
    return done.stdout


def wait_for(seconds, truth, what):
    """Waits until truth() holds."""
    end = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > end:
            raise Trouble(f"no {what} within {seconds} s")
        time.sleep(0.01)


class Host:
    """This machine as the benchmark uses it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="dietvpn-compare-")
        os.chmod(self.folder, 0o755)  # daemons that give up root read below it
        self.in_memory = None
        self.processes = []
        self.pairs = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.interrupted)

    def memory_folder(self):
        """A folder whose files cost no disk; the usual one where there is no tmpfs."""
        if not self.in_memory and os.path.isdir("/dev/shm"):
            self.in_memory = tempfile.mkdtemp(prefix="dietvpn-compare-", dir="/dev/shm")
            os.chmod(self.in_memory, 0o755)
        return self.in_memory or self.folder

    @staticmethod
    def interrupted(number, _frame):
        raise SystemExit(128 + number)

    def spawn(self, command, ns=None, log=None, **more):
        """A process that runs on; its output goes to the file log, or to more["stdout"]."""
        where = ["ip", "netns", "exec", ns] if ns else []
        out = open(log, "ab") if log else subprocess.DEVNULL
        environment = {**os.environ, **more.pop("env", {})}
        process = subprocess.Popen(where + command, stdin=subprocess.DEVNULL, stdout=more.pop("stdout", out),
                                   stderr=out, env=environment, start_new_session=True, **more)
        if log:
            out.close()
        self.processes.append(process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()
        if process in self.processes:
            self.processes.remove(process)

    def pair(self, name="", nic="full"):
        made = Pair(name, nic)
        self.pairs.append(made)
        made.make()
        return made

    def drop(self, pair):
        if pair in self.pairs:
            self.pairs.remove(pair)
        pair.remove()

    def drop_all(self):
        for pair in list(self.pairs):
            self.drop(pair)

    def close(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for process in list(self.processes):
            self.end(process)
        self.drop_all()
        for folder in filter(None, (self.folder, self.in_memory)):
            shutil.rmtree(folder, ignore_errors=True)


class Pair:
    """Two hosts on one wire: namespaces dv-PID-aNAME and dv-PID-bNAME, a veth of MTU 1500 between."""

    DEVICE = "out0"

    def __init__(self, name, nic):
        self.name, self.nic = name, nic
        self.ns = {side: f"dv-{os.getpid()}-{side}{name}" for side in "ab"}

    def on(self, side, *command, **more):
        return run(["ip", "netns", "exec", self.ns[side], *command], **more)

    def ip(self, side, *command, **more):
        return run(["ip", "-n", self.ns[side], *command], **more)

    def make(self):
        for side in "ab":
            run(["ip", "netns", "add", self.ns[side]])
            self.on(side, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.conf.all.rp_filter=0",
                    "net.ipv4.conf.default.rp_filter=0", "net.ipv4.ping_group_range=0 2147483647")
            self.ip(side, "link", "set", "lo", "up")
        self.ip("a", "link", "add", self.DEVICE, "type", "veth", "peer", "name", self.DEVICE, "netns",
                self.ns["b"])
        for side in "ab":
            self.ip(side, "addr", "add", OUTER[side] + "/24", "dev", self.DEVICE)
            if self.nic == "soft":  # a board whose NIC cuts nothing: the kernel does, below the socket
                self.on(side, "ethtool", "-K", self.DEVICE, "tso", "off", "gso", "off",
                        "tx-udp-segmentation", "off", "gro", "on")
            self.ip(side, "link", "set", self.DEVICE, "up")

    def address(self, side, device, mtu=None):
        """The inner address, for programs that do not set it themselves."""
        self.ip(side, "addr", "add", INNER[side] + "/24", "dev", device)
        if mtu:
            self.ip(side, "link", "set", device, "mtu", str(mtu))
        self.ip(side, "link", "set", device, "up")

    def has(self, side, device, address=None):
        shown = self.ip(side, "-o", "addr" if address else "link", "show", "dev", device, check=False)
        return "does not exist" not in shown and (address or device) in shown

    def mtu(self):
        """MTU of the way to the other inner address, as the first packet takes it."""
        words = self.ip("a", "route", "get", INNER["b"], check=False).split()
        if "dev" not in words:
            return None
        device = words[words.index("dev") + 1]
        link = self.ip("a", "-o", "link", "show", "dev", device).split()
        return int(link[link.index("mtu") + 1])

    def sent(self):
        """Octets and packets that left a on the wire, without Ethernet headers."""
        lines = self.ip("a", "-s", "link", "show", "dev", self.DEVICE).split("TX:")[1].splitlines()
        octets, packets = (int(word) for word in lines[1].split()[:2])
        return octets - 14 * packets, packets

    def remove(self):
        for ns in self.ns.values():
            for pid in run(["ip", "netns", "pids", ns], check=False).split():
                if pid.isdigit():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            run(["ip", "netns", "del", ns], check=False)

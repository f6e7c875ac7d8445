# SPDX-License-Identifier: Apache-2.0
"""The tests. Each returns its figures; processor time is that of both ends' daemons, without load generators."""
import json
import re
import subprocess
import time

from .host import INNER, Trouble, wait_for
from .usage import Clock, memory, peak_resident, wakeups

PORT = "7000"
PACKET = 64          # octets of UDP payload
STEADY = 20000       # packets per second of the test "cpu"
LOSS = 0.01          # what "udp64" allows
SECOND_TRY = 0.1     # a loss below this may be somebody else's burst of work: the same rate is tried once more
CLOSE_ENOUGH = 1.08  # the search ends when its two bounds are this near
TRIALS = 7


class Bench:
    """One started peer under load."""

    def __init__(self, host, pair, peer, blast, plan):
        self.host, self.pair, self.peer, self.blast, self.plan = host, pair, peer, blast, plan
        self.roots = peer.roots()
        self.private_peak = self.restarts = 0

    def answered(self):
        return " 0% packet loss" in self.pair.on("a", "ping", "-n", "-c", "1", "-W", "1", INNER["b"], check=False)

    def alive(self):
        """Waits for the first echo."""
        try:
            wait_for(15, self.answered, f"echo through {self.peer.name}")
        except Trouble as trouble:
            raise Trouble(f"{trouble}; {self.peer.last_words()}")

    def recover(self):
        """Before the next shot: a tunnel that answers nothing for two seconds after overload is started anew, and counted."""
        if self.answered() or self.answered():
            return
        self.peer.stop()
        self.host.drop(self.pair)
        self.pair = self.host.pair(self.pair.name, self.pair.nic)
        self.peer.start(self.pair)
        self.roots = self.peer.roots()
        self.restarts += 1
        self.alive()

    def watch(self):
        if self.roots:
            self.private_peak = max(self.private_peak, memory(self.roots)[0])

    def watched(self, process, seconds):
        """Waits for a process and looks at memory meanwhile; what it printed."""
        end = time.monotonic() + seconds
        while True:
            try:
                out = process.communicate(timeout=0.4)[0]
                break
            except subprocess.TimeoutExpired:
                self.watch()
            if time.monotonic() > end:
                self.host.end(process)
                raise Trouble(f"{' '.join(process.args[4:6])}: no end after {seconds} s")
        self.host.end(process)
        return out

    def piped(self, side, *command):
        return self.host.spawn(list(command), self.pair.ns[side], stdout=subprocess.PIPE, text=True)

    def server(self, word, *command):
        """A process on b, once it has printed that word."""
        process = self.piped("b", *command)
        for line in process.stdout:
            if word in line:
                return process
        self.host.end(process)
        raise Trouble(f"{command[0]} did not start")

    # the tests

    def memory(self):
        if not self.roots:
            return {}
        time.sleep(self.plan["settle"])
        private, resident = memory(self.roots)
        return {"private_idle_kb": private, "resident_idle_kb": resident}

    def peaks(self):
        """After everything else; not a test of its own."""
        if not self.roots:
            return {}
        self.watch()
        return {"private_peak_kb": self.private_peak, "resident_peak_kb": peak_resident(self.roots)}

    def ping(self):
        count = self.plan["pings"]
        octets, packets = self.pair.sent()
        shown = self.pair.on("a", "ping", "-n", "-c", str(count), "-i", "0.001", "-W", "1", INNER["b"],
                             check=False, timeout=30)
        after, more = self.pair.sent()
        times = sorted(float(value) * 1000 for value in re.findall(r"time=([0-9.]+)", shown))
        if len(times) < count * 0.5:
            raise Trouble(f"ping: {len(times)} of {count} answered")
        return {"ping_p50_us": times[len(times) // 2], "ping_p99_us": times[int(len(times) * 0.99)],
                "echo_wire_octets": (after - octets) / max(1, more - packets)}

    def tcp(self):
        server = self.server("listening", "iperf3", "-s", "-1", "--forceflush", "-B", INNER["b"])
        try:
            clock = Clock(self.roots)
            client = self.piped("a", "iperf3", "-c", INNER["b"], "-t", str(self.plan["tcp_s"]), "-J")
            shown = self.watched(client, self.plan["tcp_s"] + 15)
            used = clock.seconds()
        finally:
            self.host.end(server)
        try:
            received = json.loads(shown)["end"]["sum_received"]
        except (ValueError, KeyError):
            raise Trouble("iperf3: " + shown.strip()[-200:])
        if received["bytes"] == 0:
            raise Trouble("iperf3: nothing arrived")
        figures = {"tcp_gbit_s": received["bits_per_second"] / 1e9}
        if self.roots:
            figures["tcp_cpu_s_per_gb"] = used / (received["bytes"] / 1e9)
        return figures

    def shoot(self, rate, seconds):
        """Datagrams at a rate: sent per second, received per second, loss, processor seconds, received."""
        self.recover()
        sink = self.server("ready", self.blast, "recv", PORT)
        clock = Clock(self.roots)
        gun = self.piped("a", self.blast, "send", INNER["b"], PORT, str(PACKET), str(rate), str(seconds))
        sent = json.loads(self.watched(gun, seconds + 10) or "{}")
        got = json.loads(self.watched(sink, 40) or "{}")
        used = clock.seconds()
        if not sent.get("sent"):
            raise Trouble("blast: nothing was sent")
        return {"sent": sent["sent"] / sent["seconds"], "received": got["received"],
                "arrived": got["received"] / max(got["seconds"], 0.01),
                "loss": 1 - got["received"] / sent["sent"], "cpu": used}

    def cpu(self):
        shot = self.shoot(STEADY, self.plan["cpu_s"])
        return {"cpu_us_at_20k": shot["cpu"] * 1e6 / max(1, shot["received"]), "loss_at_20k": max(0, shot["loss"])}

    def udp64(self):
        """Bisection between the last rate that passed and the last that did not, from what a flood lets through."""
        flood = self.shoot(0, self.plan["shot_s"])
        self.watch()
        low, high, best, rate = 0, max(2 * flood["arrived"], STEADY), None, flood["arrived"]
        for _ in range(self.plan["trials"]):
            shot = self.shoot(int(rate), self.plan["shot_s"])
            if LOSS <= shot["loss"] < SECOND_TRY:
                shot = self.shoot(int(rate), self.plan["shot_s"])
            reached = shot["sent"] > 0.93 * rate  # else the generator itself is at its end
            if shot["loss"] < LOSS and shot["sent"] > low:
                low, best = shot["sent"], shot
            if shot["loss"] >= LOSS or not reached:
                high = min(high, rate)
            if low and high / low < CLOSE_ENOUGH:
                break
            rate = (low * high) ** 0.5 if low else high / 2
        figures = {"flood_kpps": flood["arrived"] / 1e3, "restarts": self.restarts}
        if self.roots and flood["received"]:
            figures["flood_cpu_us"] = flood["cpu"] * 1e6 / flood["received"]
        if best:
            figures["udp64_kpps"] = best["received"] / self.plan["shot_s"] / 1e3
            if self.roots:
                figures["udp64_cpu_us"] = best["cpu"] * 1e6 / best["received"]
        return figures


def idle(benches, settle, seconds):
    """Wake-ups per second of the worse end, for several started peers at the same time: they share no namespace."""
    time.sleep(settle)
    before = [[wakeups(root) for root in bench.roots] for bench in benches]
    clocks = [Clock(bench.roots) for bench in benches]
    time.sleep(seconds)
    after = [[wakeups(root) for root in bench.roots] for bench in benches]
    return [{"idle_wakeups_per_s": max(b - a for a, b in zip(first, last)) / seconds,
             "idle_cpu_ms_per_s": clock.seconds() * 1e3 / seconds}
            for first, last, clock in zip(before, after, clocks)]

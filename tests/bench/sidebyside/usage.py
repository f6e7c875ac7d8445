# SPDX-License-Identifier: Apache-2.0
"""What processes use: processor time, memory, wake-ups; read from /proc."""
import glob
import os
import re
import time

TICK = os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def family(roots):
    """The processes and all their children."""
    children = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        text = read(path)
        if text:
            children.setdefault(int(text.rsplit(")", 1)[1].split()[1]), []).append(int(path.split("/")[2]))
    found, open_ends = [], list(roots)
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


class Clock:
    """User and system seconds of all threads of some processes and their children, since its making.

    /proc/PID/stat counts everything, in ticks of 10 ms; the threads' schedstat counts in nanoseconds but forgets threads
    that ended. The fine figure stands where the two agree within the ticks' error.
    """

    def __init__(self, roots):
        self.pids = family(roots)
        self.ticks, self.fine = self.now()

    def now(self):
        ticks = fine = 0
        for pid in self.pids:
            stat = read(f"/proc/{pid}/stat")
            if stat:
                words = stat.rsplit(")", 1)[1].split()
                ticks += int(words[11]) + int(words[12])
            for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                fine += int((read(path).split() or ["0"])[0])
        return ticks / TICK, fine / 1e9

    def seconds(self):
        ticks, fine = self.now()
        ticks, fine = ticks - self.ticks, fine - self.fine
        return fine if abs(fine - ticks) <= 2.5 / TICK * len(self.pids) else ticks


def machine_busy():
    """Busy seconds of all processors together since the machine's start."""
    words = [int(word) for word in read("/proc/stat").split("\n", 1)[0].split()[1:9]]
    return (sum(words) - words[3] - words[4]) / TICK


def foreign(roots, seconds=0.3):
    """Processors that others keep busy while nothing runs here."""
    mine, busy = Clock(roots), machine_busy()
    time.sleep(seconds)
    return max(0.0, (machine_busy() - busy - mine.seconds()) / seconds)


def load():
    return float(read("/proc/loadavg").split()[0])


def memory(roots):
    """kB that no other process shares, and all that is resident; of the end that has more."""
    private = resident = 0
    for root in roots:
        mine = here = 0
        for pid in family([root]):
            text = read(f"/proc/{pid}/smaps_rollup")
            mine += sum(int(kb) for kb in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.M))
            here += sum(int(kb) for kb in re.findall(r"^Rss:\s+(\d+)", text, re.M))
        private, resident = max(private, mine), max(resident, here)
    return private, resident


def peak_resident(roots):
    """kB, the highest that the kernel has seen; of the end that has more."""
    return max(sum(int(kb) for pid in family([root])
                   for kb in re.findall(r"^VmHWM:\s+(\d+)", read(f"/proc/{pid}/status"), re.M))
               for root in roots)


def wakeups(root):
    """Voluntary context switches of all threads so far."""
    return sum(int(count) for pid in family([root]) for path in glob.glob(f"/proc/{pid}/task/*/status")
               for count in re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", read(path), re.M))

# SPDX-License-Identifier: Apache-2.0
"""From single measurements to tables: medians [lowest-highest], ratios within a round, aims."""
import statistics

MB = 1024 / 1e6  # of what the kernel calls kB

# figure -> (heading, unit, factor)
FIGURES = {
    "tcp_gbit_s": ("TCP", "Gbit/s", 1),
    "tcp_cpu_s_per_gb": ("CPU", "s/GB", 1),
    "udp64_kpps": ("loss under 1 %", "kpackets/s", 1),
    "udp64_cpu_us": ("CPU at that rate", "us/packet", 1),
    "flood_kpps": ("arrived of a flood", "kpackets/s", 1),
    "flood_cpu_us": ("CPU in the flood", "us/packet", 1),
    "cpu_us_at_20k": ("CPU at 20,000/s", "us/packet", 1),
    "loss_at_20k": ("lost of 20,000/s", "%", 100),
    "ping_p50_us": ("ping p50", "us", 1),
    "ping_p99_us": ("ping p99", "us", 1),
    "echo_wire_octets": ("84 octets on the wire", "octets", 1),
    "private_idle_kb": ("private, idle", "MB", MB),
    "private_peak_kb": ("private, peak", "MB", MB),
    "resident_idle_kb": ("resident, idle", "MB", MB),
    "resident_peak_kb": ("resident, peak", "MB", MB),
    "idle_wakeups_per_s": ("wake-ups", "1/s", 1),
    "idle_cpu_ms_per_s": ("CPU idle", "ms/s", 1),
    "mtu": ("MTU", "octets", 1),
}
TABLES = (
    ("TCP, one stream", ("tcp_gbit_s", "tcp_cpu_s_per_gb", "mtu")),
    ("Datagrams of 64 octets", ("udp64_kpps", "udp64_cpu_us", "flood_kpps", "flood_cpu_us", "cpu_us_at_20k",
                                "loss_at_20k")),
    ("Round trip and size", ("ping_p50_us", "ping_p99_us", "echo_wire_octets")),
    ("Memory of one daemon, and what it does without traffic",
     ("private_idle_kb", "private_peak_kb", "resident_idle_kb", "resident_peak_kb", "idle_wakeups_per_s",
      "idle_cpu_ms_per_s")),
)


def number(value):
    """Three digits that count, never an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.3f}"


def spread(values):
    if not values:
        return "-"
    middle, low, high = (number(f(values)) for f in (statistics.median, min, max))
    return middle if low == high else f"{middle} [{low}-{high}]"


def round_line(lines, number_of_round, name):
    """One peer's figures of one round, in a line."""
    mine = [line for line in lines if line.get("round") == number_of_round and line.get("peer") == name]
    words = [f"round {number_of_round} {name}"]
    words += [f"load={line['load']:.2f} foreign_cpus={line['foreign_cpus']:.2f}" for line in mine[:1] if "load" in line]
    for line in mine:
        words += [f"{key}={value:.4g}" for key, value in line.get("figures", {}).items()]
        words += ["TROUBLE " + line["text"]] if line["test"] == "trouble" else []
    return " ".join(words)


def calm(lines, limit):
    """Without the measurements before which others kept more than that many processors busy."""
    return [line for line in lines if limit is None or line.get("foreign_cpus", 0) <= limit]


class Report:
    def __init__(self, lines):
        self.lines = lines
        self.machine = next(line["figures"] for line in lines if line["test"] == "machine")
        self.peers = {line["peer"]: line for line in lines if line["test"] == "peer"}
        self.values = {}  # (peer, figure) -> {round: value}
        for line in lines:
            figures = dict(line.get("figures", {})) if "peer" in line else {}
            if line.get("mtu"):
                figures["mtu"] = line["mtu"]
            for key, value in figures.items():
                self.values.setdefault((line["peer"], key), {})[line["round"]] = value

    def of(self, peer, key):
        """A figure's values in all rounds, in its unit."""
        factor = FIGURES[key][2] if key in FIGURES else 1
        return [value * factor for value in self.values.get((peer, key), {}).values()]

    def kind(self, kind):
        return [name for name, line in self.peers.items() if line["kind"] == kind]

    def ratios(self, key, mine, others, choose):
        """Per round: my figure by the one that choose() takes of the others' (the best for that figure)."""
        found = []
        for at, value in self.values.get((mine, key), {}).items():
            theirs = [self.values[other, key][at] for other in others if at in self.values.get((other, key), {})]
            if theirs and choose(theirs) > 0:
                found.append(value / choose(theirs))
        return found

    def aims(self):
        """Rows: what, whose, seen, aim, verdict."""
        peers = self.kind("peer")
        offload = [name for name in peers if self.peers[name].get("offload")]
        openvpn = [name for name in peers if name.startswith("openvpn-aes")]
        fastd = [name for name in peers if name.startswith("fastd")]
        ours = self.kind("dietvpn")
        main = [name for name in ours if name.endswith(("-off", "-link"))]
        small = main + [name for name in ours if name.endswith("-iot")]
        rows = []

        def row(what, subjects, seen, good, aim):
            for name in subjects:
                values = seen(name)
                verdict = "not measured" if not values else "met" if good(statistics.median(values)) else "not met"
                rows.append((what, name, spread(values), aim, verdict))

        def against(key, others, choose):
            return lambda name: self.ratios(key, name, others, choose)

        row("TCP, CPU s/GB by wireguard-go with offload", [name for name in main if "chacha20" in name],
            against("tcp_cpu_s_per_gb", offload, min), lambda x: x <= 0.7, "at most 0.7")
        row("TCP, CPU s/GB by OpenVPN with AES-GCM", [name for name in main if "aes-gcm" in name],
            against("tcp_cpu_s_per_gb", openvpn, min), lambda x: x <= 0.3, "at most 0.3")
        row("TCP goodput by the best peer", main, against("tcp_gbit_s", peers, max), lambda x: x > 1, "above 1")
        row("64 octets, CPU/packet by the best peer", small, against("udp64_cpu_us", peers, min),
            lambda x: x <= 0.6, "at most 0.6")
        row("64 octets, packets/s by the best peer", small, against("udp64_kpps", peers, max),
            lambda x: x > 1, "above 1")
        row("ping p50 by fastd", small, against("ping_p50_us", fastd, min), lambda x: x <= 1, "at most 1")
        row("private memory, idle, MB", small, lambda name: self.of(name, "private_idle_kb"), lambda x: x <= 4,
            "at most 4")
        row("private memory, peak, MB", small, lambda name: self.of(name, "private_peak_kb"), lambda x: x <= 6,
            "at most 6")
        return rows

    def costs(self):
        """Rows: what one variant of dietvpn has by another, per round."""
        pairs = (("dietvpn-chacha20-link", "dietvpn-chacha20-off", "link by off"),
                 ("dietvpn-aes-gcm-link", "dietvpn-aes-gcm-off", "link by off"),
                 ("dietvpn-chacha20-link-raw", "dietvpn-chacha20-link", "raw ESP by UDP"),
                 ("dietvpn-chacha20-link-nooffload", "dietvpn-chacha20-link", "offload off by auto"),
                 ("dietvpn-chacha20-off", "loop-gso-chacha", "tunnel by loop"),
                 ("dietvpn-aes-gcm-off", "loop-gso-gcm", "tunnel by loop"))
        keys = ("tcp_gbit_s", "tcp_cpu_s_per_gb", "udp64_kpps", "udp64_cpu_us", "ping_p50_us", "echo_wire_octets")
        return keys, [(f"{mine} by {other}", [spread(self.ratios(key, mine, [other], min)) for key in keys])
                      for mine, other, _ in pairs if mine in self.peers and other in self.peers]

    def tables(self):
        """(title, headings, rows) of everything, as text."""
        found = []
        for title, keys in TABLES:
            rows = [[name] + [spread(self.of(name, key)) for key in keys] for name in self.peers]
            rows = [row for row in rows if any(cell != "-" for cell in row[1:])]
            if rows:
                found.append((title, ["peer"] + [f"{FIGURES[key][0]}, {FIGURES[key][1]}" for key in keys], rows))
        aims = [list(row) for row in self.aims()]
        if aims:
            found.append(("Aims: ratios within each round", ["figure", "variant", "seen", "aim", "verdict"], aims))
        keys, rows = self.costs()
        if rows:
            found.append(("Ratios of variants, within each round", ["which"] + [
                f"{FIGURES[key][0]}, {FIGURES[key][1]}" for key in keys], [[row[0]] + row[1] for row in rows]))
        found.append(("Who", ["peer", "what it is"], [
            [name, "; ".join(filter(None, (line["version"], line["note"])))] for name, line in self.peers.items()]))
        return found

    def head(self):
        m = self.machine
        foreign = [line["foreign_cpus"] for line in self.lines if "foreign_cpus" in line]
        loads = [line["load"] for line in self.lines if "load" in line]
        text = [f"{m['processor']}, {m['processors']} processors, Linux {m['kernel']}, nic {m['nic']}, "
                f"build {m['build']}, libsodium {m['libsodium']}, OpenSSL {m['openssl']}",
                f"{m['rounds']} interleaved rounds; median [lowest-highest]"]
        if foreign:
            text.append(f"just before the tests: load {spread(loads)}, processors busy with other work {spread(foreign)}")
        text += [f"trouble: round {line['round']} {line['peer']}: {line['text']}"
                 for line in self.lines if line["test"] == "trouble"]
        text += [f"{name}: after overload nothing came through any more, in {sum(anew > 0 for anew in counts)} of "
                 f"{len(counts)} rounds; it was started anew"
                 for name in self.peers if sum(counts := self.of(name, "restarts"))]
        return text

    def text(self):
        out = self.head()
        for title, headings, rows in self.tables():
            out += ["", title]
            widths = [max(len(row[column]) for row in [headings] + rows) for column in range(len(headings))]
            out += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                    for row in [headings] + rows]
        return "\n".join(out) + "\n"

    def markdown(self):
        out = ["\n\n".join(self.head())]
        for title, headings, rows in self.tables():
            out += ["", f"### {title}", "", "| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
            out += ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join(out) + "\n"

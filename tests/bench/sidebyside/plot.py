# SPDX-License-Identifier: Apache-2.0
"""The same figures as a picture: one panel per figure, bars for medians, whiskers from the lowest to the highest."""
import statistics
from xml.sax.saxutils import escape

from .report import FIGURES, number

PANELS = (
    ("tcp_gbit_s", "TCP goodput, one stream", "more is better"),
    ("tcp_cpu_s_per_gb", "CPU of both daemons, TCP", "less is better"),
    ("udp64_kpps", "Datagrams of 64 octets, loss under 1 %", "more is better"),
    ("udp64_cpu_us", "CPU of both daemons at that rate", "less is better"),
    ("ping_p50_us", "Round trip, median of 2,000", "less is better"),
    ("private_peak_kb", "Private memory after load, one daemon", "less is better"),
)
COLOURS = {"dietvpn": "#1f6fb4", "peer": "#c8742b", "loop": "#8a8f98", "wire": "#c3c7cd"}
KINDS = {"dietvpn": "dietvpn", "peer": "other tunnels", "loop": "plain loop, the limit", "wire": "no tunnel"}
WIDTH, COLUMNS, LABEL, VALUE, ROW, GAP, HEAD, TOP = 620, 2, 190, 62, 17, 24, 44, 84
CUT = 2.5  # bars longer than this many times the third quartile of all are cut, and say their value


def text(x, y, words, size=11, anchor="start", colour="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def box(x, y, width, height, colour, extra=""):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"{extra}/>'


def line(x1, y1, x2, y2, colour, width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def round_up(value):
    """The next of 1, 2, 2.5, 5 times a power of ten, in quarters of which an axis reads well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** len(str(int(value))) if value >= 1 else 1.0
    steps = sorted(factor * power / scale for factor in (1, 2, 2.5, 4, 5, 6, 8) for scale in (1, 10, 100, 1000, 1e4))
    return next(step for step in steps if step >= value)


def scale_of(bars):
    """Length of the axis: all bars, or less when a few are far longer than the others."""
    medians = sorted(statistics.median(values) for _, _, values in bars)
    highest = max(max(values) for _, _, values in bars)
    third = medians[(3 * len(medians)) // 4]
    return round_up(min(highest, CUT * third)) if third > 0 else round_up(highest)


def bar(x, y, room, scale, entry):
    """One peer's line: name, bar, whisker, value."""
    name, kind, values = entry
    middle, low, high = statistics.median(values), min(values), max(values)
    colour = COLOURS[kind]
    length = min(middle, scale) / scale * room
    at = y + ROW / 2
    out = [text(x + LABEL - 6, at + 4, name, 11, "end"), box(x + LABEL, y + 3, length, ROW - 6, colour)]
    if middle > scale:  # cut: a white notch
        out.append(f'<path d="M{x + LABEL + length - 12:.1f} {y + ROW} l6 {-ROW} h4 l-6 {ROW} z" fill="#fff"/>')
    if low < high and low < scale:
        left, right = (x + LABEL + min(value, scale) / scale * room for value in (low, high))
        out += [line(left, at, right, at, "#222"), line(left, at - 3, left, at + 3, "#222")]
        out += [line(right, at - 3, right, at + 3, "#222")] if high <= scale else []
        length = max(length, right - x - LABEL)
    out.append(text(x + LABEL + length + 5, at + 4, number(middle), 10.5, colour="#444"))
    return out


def panel(report, key, title, better, x, y):
    """One figure of all peers; (its elements, its height)."""
    bars = [(name, entry["kind"], report.of(name, key)) for name, entry in report.peers.items() if report.of(name, key)]
    out = [text(x, y + 16, f"{title}, {FIGURES[key][1]}", 13, weight="bold"), text(x, y + 32, better, 10.5, colour="#666")]
    if not bars:
        return out + [text(x, y + HEAD + 12, "not measured", colour="#666")], HEAD + ROW
    scale, room = scale_of(bars), WIDTH - LABEL - VALUE
    bottom = y + HEAD + ROW * len(bars)
    for quarter in range(5):
        at = x + LABEL + room * quarter / 4
        out += [line(at, y + HEAD, at, bottom, "#e3e5e8"),
                text(at, bottom + 13, number(scale * quarter / 4), 10, "middle", "#666")]
    for index, entry in enumerate(bars):
        out += bar(x, y + HEAD + ROW * index, room, scale, entry)
    return out, HEAD + ROW * len(bars) + 18


def legend(x, y, kinds):
    out = []
    for kind in kinds:
        out += [box(x, y - 10, 12, 12, COLOURS[kind]), text(x + 17, y, KINDS[kind], 11)]
        x += 40 + 7 * len(KINDS[kind])
    return out + [text(x, y, "bar: median; whisker: lowest to highest; notch: the bar is longer than shown", 11, colour="#666")]


def svg(report):
    """The whole picture."""
    out, y = [], TOP
    for first in range(0, len(PANELS), COLUMNS):
        heights = []
        for column, entry in enumerate(PANELS[first:first + COLUMNS]):
            elements, height = panel(report, *entry, 20 + column * (WIDTH + GAP), y)
            out += elements
            heights.append(height)
        y += max(heights) + GAP
    m, width = report.machine, 40 + COLUMNS * WIDTH + GAP
    present = [kind for kind in KINDS if report.kind(kind)]
    head = [text(20, 30, "dietvpn and other tunnels side by side", 19, weight="bold"),
            text(20, 50, f"{m['processor']}, {m['processors']} processors, Linux {m['kernel']}, nic {m['nic']}, "
                 f"{m['rounds']} interleaved rounds", 11.5, colour="#444"), *legend(20, 70, present)]
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
                      'font-family="DejaVu Sans, Liberation Sans, Arial, sans-serif">',
                      box(0, 0, width, y, "#fff"), *head, *out, "</svg>", ""])

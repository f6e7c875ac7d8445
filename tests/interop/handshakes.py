#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What captures say about IKEv2 handshakes: RFC 7296 headers are in the clear.

    handshakes.py times OURS.pcap [FAR.pcap]   one line per initiator; a summary with --limit S
    handshakes.py sizes OURS.pcap              the four messages of the first whole handshake
    handshakes.py exchanges OURS.pcap          how many different requests of each kind were answered
    handshakes.py knock N --rate R             one datagram each from 10.64.x.y to 10.65.x.y, for hosts with N peers

OURS was taken beside the initiators, so a message of the responder in it has arrived; FAR beside the responder. An
initiator is its address, or with --by-spi its SPI. A handshake begins with the first IKE_SA_INIT request and ends with the
first response to IKE_AUTH that is long enough to hold a child SA.
"""
import argparse
import socket
import struct
import sys
import time

IKE_SA_INIT, IKE_AUTH = 34, 35
RESPONSE = 0x20
SHORTEST_CHILD = 120  # a refusal is 65 to 123 octets


def packets(path):
    """(time, source, destination, UDP payload) of every IPv4 UDP packet."""
    with open(path, "rb") as f:
        data = f.read()
    endian = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    scale = 1e-9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack_from(endian + "IIII", data, at)
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
            continue
        ip = frame[14:]
        udp = ip[(ip[0] & 15) * 4:]
        ports = struct.unpack_from(">HH", udp)
        yield seconds + fraction * scale, ip[12:16], ip[16:20], ports, udp[8:struct.unpack_from(">H", udp, 4)[0]]


def messages(path):
    """(time, source, destination, exchange, is response, SPIi, octets of UDP payload, its number and who began the SA)."""
    for when, source, destination, ports, payload in packets(path):
        octets = len(payload)
        if 4500 in ports:
            if payload[:4] != bytes(4):
                continue
            payload = payload[4:]
        elif 500 not in ports:
            continue
        if len(payload) >= 28 and payload[17] >> 4 == 2:
            yield when, source, destination, payload[18], bool(payload[19] & RESPONSE), payload[:8], octets, (payload[20:24], payload[19] & 8 == payload[19] >> 2 & 8)


class Handshake:
    def __init__(self):
        self.begin = self.end = None
        self.datagrams = self.octets = 0


def collect(ours, far, by_spi):
    found = {}

    def of(message):
        _, source, destination, _, response, spi = message[:6]
        return found.setdefault(spi if by_spi else destination if response else source, Handshake())

    for message in messages(ours):
        when, _, _, exchange, response, _, octets = message[:7]
        if exchange not in (IKE_SA_INIT, IKE_AUTH):
            continue
        h = of(message)
        if exchange == IKE_SA_INIT and not response and h.begin is None:
            h.begin = when
        if exchange == IKE_AUTH and response and octets >= SHORTEST_CHILD and h.end is None:
            h.end = when
        if not response or not far:
            h.datagrams += 1
            h.octets += octets
    for message in messages(far) if far else ():
        if message[4] and message[3] in (IKE_SA_INIT, IKE_AUTH):
            h = of(message)
            h.datagrams += 1
            h.octets += message[6]
    return [h for h in found.values() if h.begin is not None]


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def times(args):
    all_of_them = collect(args.ours, args.far, args.by_spi)
    n = args.expect or len(all_of_them)
    took = [h.end - h.begin for h in all_of_them if h.end is not None]
    in_time = [t for t in took if t <= args.limit]
    print("runs=%d begun=%d done=%d in_time=%d share=%.3f p50_ms=%.1f p90_ms=%.1f p99_ms=%.1f max_ms=%.1f datagrams=%.1f octets=%.0f" % (
        n, len(all_of_them), len(took), len(in_time), len(in_time) / n if n else 0,
        quantile(took, .5) * 1e3, quantile(took, .9) * 1e3, quantile(took, .99) * 1e3, max(took, default=float("nan")) * 1e3,
        sum(h.datagrams for h in all_of_them) / max(1, len(all_of_them)),
        sum(h.octets for h in all_of_them) / max(1, len(all_of_them))))


def sizes(args):
    first = {}
    for _, _, _, exchange, response, spi, octets, _ in messages(args.ours):
        first.setdefault(spi, {}).setdefault((exchange, response), octets)
    for four in first.values():
        if len([k for k in four if k[0] in (IKE_SA_INIT, IKE_AUTH)]) == 4:
            values = [four[k] for k in ((IKE_SA_INIT, False), (IKE_SA_INIT, True), (IKE_AUTH, False), (IKE_AUTH, True))]
            print("init=%d init_answer=%d auth=%d auth_answer=%d sum=%d" % (*values, sum(values)))
            return
    sys.exit("no whole handshake")


def exchanges(args):
    asked, answered = {}, {}
    for message in messages(args.ours):
        kind = answered if message[4] else asked
        # retransmissions are the same request: SPI, kind and number
        kind.setdefault(message[3], set()).add((message[5], message[7]))
    print(" ".join("exchange_%d=%d answered_%d=%d" % (k, len(asked[k]), k, len(answered.get(k, ()))) for k in sorted(asked)))


def knock(args):
    begin = time.monotonic()
    for i in range(1, int(args.ours) + 1):
        time.sleep(max(0, begin + i / args.rate - time.monotonic()))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("10.64.%d.%d" % divmod(i, 256), 0))
            s.sendto(b"knock", ("10.65.%d.%d" % divmod(i, 256), 9))


parser = argparse.ArgumentParser()
parser.add_argument("what", choices=("times", "sizes", "exchanges", "knock"))
parser.add_argument("ours")
parser.add_argument("far", nargs="?")
parser.add_argument("--limit", type=float, default=15)
parser.add_argument("--by-spi", action="store_true")
parser.add_argument("--expect", type=int, default=0)
parser.add_argument("--rate", type=float, default=100)
args = parser.parse_args()
{"times": times, "sizes": sizes, "exchanges": exchanges, "knock": knock}[args.what](args)

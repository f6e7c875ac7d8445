#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many peers between two daemons: what each row of pairs.conf agrees on, seen on the wire.

    pairs.py conf TABLE FOLDER       FOLDER/a/home.conf and FOLDER/b/home.conf, one [Peer] per row
    pairs.py addresses TABLE SIDE    what the host of that side has to own: in DEVICE ADDRESS per line
    pairs.py refused TABLE           NAME SIDE PATTERN of the rows that are refused, one per line
    pairs.py serve                   host b: CoAP is another program's, TCP on port 7000 is echoed
    pairs.py drive TABLE [ROW...]    host a: ping, CoAP and TCP of each row, everything answered
    pairs.py rekey TABLE FOLDER [ROW...]   the same after a rekey from either end
    pairs.py burst TABLE FOLDER [ROW...]   rekeys of both kinds, rows below a *, under ping of which none is lost
    pairs.py cost CAPTURE            IKE messages and octets, ESP packets and octets, over UDP and IPv4
    pairs.py post HERE THERE [TRIES] a sensor's CoAP POST that is answered; pairs.py sink answers it
    pairs.py check TABLE A B WIRE    captures of the TUN of a and of b, and of the wire at b: each packet has come out as it
                                     went in, and is as long on the wire as diet-esp.md says; prints a line per row

The lengths are predicted from the inner packet and the row alone: residues by sections 3.1 to 3.3, trailer by section 4,
header by section 5, plain ESP by RFC 4303.
"""
import ipaddress
import os
import socket
import struct
import subprocess
import sys
import threading
import time

COAP, ECHO = 5683, 7000
ICV = {"16": 16, "12": 12, "8": 8, "poly1305": 16}
IOT = dict(dscp=1, ecn=1, flow=2, align=0, spi=8, sn=8, trailer=1, hop=0, rid=0)


class Start:
    keys = {"a": {"Cipher": "aes-ccm-8-iiv", "Compress": "iot"}, "b": {"Cipher": "aes-ccm-8-iiv", "Compress": "iot"}}
    attributes = IOT
    section = False


class Row:
    def __init__(self, number, line, above):
        name, a, b, out = [part.strip() for part in line.split("|")]
        self.number, self.name = number, name
        self.keys = {"a": above.keys["a"] | self.lines(a), "b": above.keys["b"] | self.lines(a if b in ("=", "") and name == "*" or b == "=" else b)}
        self.attributes = dict(above.attributes)
        self.plain = self.alone = self.once = False
        self.cipher, self.proto, self.port = "aes-ccm-8-iiv", 0, None
        self.section = above.section or name == "*" and bool(out)
        self.bits, self.inner, self.outer, self.encap = (0, 0), 6, 4, "raw"
        self.refused, self.traffic = None, ""
        if out[:2] in ("a ", "b "):
            self.refused = out[0], out[2:].strip().strip('"')
            return
        for word in out.split():
            key, _, value = word.partition("=")
            if key in self.attributes:
                self.attributes[key] = int(value)
            elif key == "bits":
                self.bits = tuple(int(v) for v in value.split(","))
            elif key == "port":
                self.port = value
            else:
                assert hasattr(self, key), f"{name}: {word}"
                setattr(self, key, int(value) if value.isdigit() else value or True)

    @staticmethod
    def lines(text):
        return dict([part.strip() for part in line.split("=", 1)] for line in text.split(";") if line.strip())

    def address(self, side):
        if self.inner == 4:
            return f"10.{1 if side == 'a' else 2}.0.{self.number}"
        return self.net(side).replace("/64", "1")

    def net(self, side):
        return f"fd00:d1e7:{1 if side == 'a' else 2}:{self.number}::/64"

    def endpoint(self):
        return f"192.0.2.{100 + self.number}" if self.outer == 4 else f"2001:db8::1:{self.number}"

    def conf(self, side):
        other = "b" if side == "a" else "a"
        keys = dict(PeerId=f"{other}-{self.name}", Id=f"{side}-{self.name}", Address=self.address(other), Local=self.address(side),
                    Role="initiator" if side == "a" else "responder")
        if side == "a":
            keys["Endpoint"] = self.endpoint() if self.outer == 4 else f"[{self.endpoint()}]"
        keys.update(self.keys[side])
        if keys["Compress"] == "off":
            keys.pop("Fallback", None)
        if "Key" not in keys:
            keys.setdefault("Psk", "keys/psk")
        text = "".join(f"{key} = {value}\n" for key, value in keys.items())
        for word, value in ("HERE", self.address(side)), ("NET-A", self.net("a")), ("NET-B", self.net("b")):
            text = text.replace(word, value)
        return f'[Peer "{self.name}"]\n' + text


def rows(path):
    with open(path, encoding="ascii") as f:
        lines = [line for line in f if line.strip() and line[0] != "#"]
    found, above = [], Start()
    for line in lines:
        row = Row(len(found) + 1, line, above)
        if row.name == "*":
            above = row
        else:
            found.append(row)
    return found


# --- what is on the wire ----------------------------------------------------------------------------------------------
class Inner:
    """An inner packet, as the rule sees it."""

    def __init__(self, octets):
        self.octets, self.v6 = octets, octets[0] >> 4 == 6
        if self.v6:
            word = struct.unpack_from(">I", octets)[0]
            self.tos, self.label, self.proto, self.hop = word >> 20 & 255, word & 0xfffff, octets[6], octets[7]
            self.source, self.destination, self.head = octets[8:24], octets[24:40], 40
        else:
            self.tos, self.label, self.proto, self.hop = octets[1], struct.unpack_from(">H", octets, 4)[0], octets[9], octets[8]
            self.source, self.destination, self.head = octets[12:16], octets[16:20], 20

    def kept(self, attributes):
        """What must come out as it went in: all but a label that is made anew, and what contains it."""
        octets = bytearray(self.octets)
        if attributes and attributes["flow"] == 2:
            if self.v6:
                octets[1] &= 0xf0
                octets[2:4] = bytes(2)
            else:
                octets[4:6] = octets[10:12] = bytes(2)
        return bytes(octets)


def residue(row, inner):
    """Bits of the residue, and how many octets of header they stand for."""
    a = row.attributes
    label = 20 if inner.v6 else 16
    bits = (6 if a["dscp"] == 0 else 0) + (2 if a["ecn"] == 0 else 0) + (label if a["flow"] == 0 else 0)
    bits += (0 if row.proto else 8) + (8 if a["hop"] else 0) + sum(row.bits)
    if not inner.v6:
        bits += 4 + 3 + 13
    head = inner.head
    ports = 32 if row.port == "-" else 0
    if row.proto == 17:
        bits, head = bits + ports, head + 8
    elif row.proto == 6:
        bits, head = bits + ports + 32 + 32 + 4 + 12 + 16 + 16, head + 20
    return bits, head


def compresses(row, inner):
    return not row.plain and not (row.attributes["flow"] == 3 and inner.label)


def esp_length(row, inner):
    iv = 0 if row.cipher.endswith("-iiv") else 8
    icv = ICV[row.cipher.replace("-iiv", "").rsplit("-", 1)[1]]
    a = row.attributes
    if not compresses(row, inner) and not a["rid"]:
        text = len(inner.octets) + 2
        return 8 + iv + text + -text % 4 + icv
    text = len(inner.octets)
    if compresses(row, inner):
        bits, head = residue(row, inner)
        text = (bits + 7) // 8 + text - head
    text += a["rid"]
    align = 1 << a["align"]
    fixed = 2 if a["trailer"] == 0 else 1 if align > 1 else 0
    text += fixed
    return (a["spi"] + a["sn"]) // 8 + iv + text + -text % align + icv


def pcap(path):
    """(time, packet from the IP header on) of each packet; Ethernet or raw."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"), path
    skip = 14 if struct.unpack_from("<I", data, 20)[0] == 1 else 0
    at = 24
    while at + 16 <= len(data):
        captured = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16 + skip:at + 16 + captured]
        at += 16 + captured


def packed(text):
    return ipaddress.ip_address(text).packed


class Wire:
    """An ESP packet as b sees it: the row's address of b, its direction, header values, ESP octets."""

    def __init__(self, ip):
        inner = Inner(ip)
        self.ends, self.tos, self.hop, self.label = (inner.source, inner.destination), inner.tos, inner.hop, inner.label
        total = struct.unpack_from(">H", ip, 4)[0] + 40 if inner.v6 else struct.unpack_from(">H", ip, 2)[0]
        self.esp = None
        self.encap = "udp" if inner.proto == 17 else "raw"
        if inner.proto == 50:
            self.esp = ip[inner.head:total]
        elif inner.proto == 17 and 4500 in struct.unpack_from(">HH", ip, inner.head):
            payload = ip[inner.head + 8:total]
            if len(payload) > 4 and payload[:4] != bytes(4):
                self.esp = payload


class Numbers:
    """Sequence numbers of the SAs of one row and direction, by their SPI bits."""

    def __init__(self):
        self.next, self.begun = {}, 0

    def right(self, esp, spi_bits, sn_bits):
        value = int.from_bytes(esp[:(spi_bits + sn_bits) // 8], "big")
        spi, number = (spi_bits, value >> sn_bits), value & (1 << sn_bits) - 1
        want = self.next.get(spi, 1)
        if number == 1 and want != 1 or spi not in self.next:
            want, self.begun = 1, self.begun + 1
        self.next[spi] = (want + 1) & (1 << sn_bits) - 1
        return number == want & (1 << sn_bits) - 1


def check_row(row, way, sent, received, wire):
    """One direction. Octets inside, octets of ESP; or why it is wrong."""
    a = row.attributes
    if not sent:
        return "no packet"
    if len(sent) != len(received) or len(sent) != len(wire):
        return f"{len(sent)} packets in, {len(received)} out, {len(wire)} on the wire"
    numbers = Numbers()
    for number, (inner, out, esp) in enumerate(zip(sent, received, wire)):
        fits = compresses(row, inner)
        if inner.kept(a if fits else None) != out.kept(a if fits else None):
            return f"packet {number} is changed: {inner.octets.hex()} {out.octets.hex()}"
        if len(esp.esp) != esp_length(row, inner):
            return f"packet {number}, {len(inner.octets)} octets, protocol {inner.proto}: {len(esp.esp)} of ESP, expected {esp_length(row, inner)}"
        if esp.encap != row.encap:
            return f"packet {number} goes by {esp.encap}"
        compressed = fits or a["rid"] and not row.plain
        if not numbers.right(esp.esp, *((a["spi"], a["sn"]) if compressed else (32, 32))):
            return f"packet {number}: its header {esp.esp[:8].hex()} does not go on from the one before"
        if not fits:
            continue
        for name, lower, ours, outer in (("DSCP", a["dscp"] == 1, inner.tos >> 2, esp.tos >> 2),
                                         ("ECN", a["ecn"] == 1, inner.tos & 3, esp.tos & 3),
                                         ("hop limit", a["hop"] == 0, inner.hop, esp.hop),
                                         ("flow label", a["flow"] == 1, inner.label, esp.label)):
            if lower and ours != outer:
                return f"packet {number}: {name} {ours} is {outer} outside"
    return sum(len(i.octets) for i in sent), sum(len(w.esp) for w in wire), len(sent), sum(compresses(row, i) for i in sent)


def check(table, path_a, path_b, path_wire):
    taken = {}
    for place, path in (("a", path_a), ("b", path_b)):
        for ip in pcap(path):
            inner = Inner(ip)
            taken.setdefault((place, inner.source, inner.destination), []).append(inner)
    wire = {}
    for ip in pcap(path_wire):
        packet = Wire(ip)
        if packet.esp is not None:
            wire.setdefault(packet.ends, []).append(packet)
    failed = 0
    for row in rows(table):
        if row.refused:
            continue
        ends = [packed(row.address(side)) for side in "ab"]
        outer = [packed("192.0.2.1" if row.outer == 4 else "2001:db8::1"), packed(row.endpoint())]
        text = []
        for way, (near, far) in enumerate(("ab", "ba")):
            key = (ends[way], ends[1 - way])
            result = check_row(row, way, taken.get((near, *key), []), taken.get((far, *key), []),
                               wire.get((outer[way], outer[1 - way]), []))
            failed += isinstance(result, str)
            text.append(result if isinstance(result, str) else "%d -> %d octets of %d packets, %d of them compressed" % result)
        bad = any("->" not in t for t in text)
        print("FAIL" if bad else "ok  ", f"{row.name}: a to b {text[0]}; b to a {text[1]}")
    return 1 if failed else 0


def cost(path):
    """IKE messages, their octets, ESP packets, theirs; octets of UDP payload."""
    sums = [0, 0, 0, 0]
    for ip in pcap(path):
        ports = struct.unpack_from(">HH", ip, 20)
        payload = ip[28:struct.unpack_from(">H", ip, 2)[0]]
        if len(payload) < 2:  # 0xff keeps a mapping alive
            continue
        place = 0 if 500 in ports or payload[:4] == bytes(4) else 2
        sums[place] += 1
        sums[place + 1] += len(payload)
    print(*sums)


# --- traffic ----------------------------------------------------------------------------------------------------------
def checksum(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def open_socket(row, kind, protocol=0):
    s = socket.socket(socket.AF_INET if row.inner == 4 else socket.AF_INET6, kind, protocol)
    s.settimeout(1)
    return s


def label_of(s, row, on):
    if row.inner == 6:
        s.setsockopt(socket.IPPROTO_IPV6, 70, int(on))  # IPV6_AUTOFLOWLABEL


def again(action, tries=20):
    """Until it is answered; packets of the first moment may be lost."""
    for _ in range(tries):
        try:
            result = action()
        except OSError:
            continue
        if result:
            return True
    return False


def ping(row, octets, number=[0]):
    with open_socket(row, socket.SOCK_RAW, socket.IPPROTO_ICMP if row.inner == 4 else socket.IPPROTO_ICMPV6) as s:
        s.bind((row.address("a"), 0))
        number[0] += 1
        echo = struct.pack(">BBHHH", 8 if row.inner == 4 else 128, 0, 0, os.getpid() & 0xffff, number[0]) + bytes(octets)
        if row.inner == 4:
            echo = echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]
        s.sendto(echo, (row.address("b"), 0))
        until = time.monotonic() + 1
        while time.monotonic() < until:
            answer = s.recv(65536)
            answer = answer[20:] if row.inner == 4 else answer
            if answer[:1] == (b"\0" if row.inner == 4 else b"\x81") and answer[4:] == echo[4:]:
                return True
    return False


def coap(row, token, traffic_class=0, hop_limit=None, label=False):
    with open_socket(row, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        label_of(s, row, label)
        level = (socket.IPPROTO_IP, socket.IP_TOS, socket.IP_TTL) if row.inner == 4 else \
            (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS)
        s.setsockopt(level[0], level[1], traffic_class)
        if hop_limit:
            s.setsockopt(level[0], level[2], hop_limit)
        s.bind((row.address("a"), COAP))
        message = bytes([0x40 | len(token), 1]) + os.urandom(2) + token + b"\xb4time"  # CON GET /time
        s.sendto(message, (row.address("b"), COAP))
        answer = s.recv(65536)
        return answer[1] == 0x45 and answer[2:4] == message[2:4] and answer[4:4 + len(token)] == token


def tcp(row, octets):
    with open_socket(row, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no TIME-WAIT: the port is free again
        s.settimeout(2)
        s.bind((row.address("a"), ECHO if row.port != "-" else 0))
        s.connect((row.address("b"), ECHO))
        data = os.urandom(octets)
        s.sendall(data)
        back = b""
        while len(back) < octets:
            part = s.recv(65536)
            if not part:
                break
            back += part
        return back == data


def answered(action):
    try:
        return action()
    except OSError:
        return False


def drive_row(row):
    kinds = {0: "ping,coap,tcp", 17: "coap", 6: "tcp", 58: "ping"}[row.proto]
    kinds = (row.traffic or kinds).split(",")
    first = {"ping": lambda: ping(row, 8), "coap": lambda: coap(row, b""), "tcp": lambda: tcp(row, 1)}[kinds[0]]
    if not again(first):
        return "nothing is answered"
    time.sleep(0.02)  # the plain pair beside it
    for n in (0, 6, 56, 600) if "ping" in kinds else ():
        if not answered(lambda n=n: ping(row, n)):
            return f"a ping of {n} octets is lost"
    for n in (0, 1, 2, 8) if "coap" in kinds else ():
        if not answered(lambda n=n: coap(row, bytes(range(n)))):
            return f"a CoAP request with a token of {n} octets is not answered"
    for what in ({"traffic_class": 0xb9, "hop_limit": 33}, {"label": True}) if "coap" in kinds else ():
        if not answered(lambda what=what: coap(row, b"xy", **what)):
            return f"a CoAP request with {what} is not answered"
    if "tcp" in kinds and not answered(lambda: tcp(row, 4000)):
        return "TCP does not get through"
    return None


def burst(row, stop, lost):
    """A packet every two milliseconds and its answer, until stop; lost[0]: how many were not answered, lost[1]: of how many."""
    with open_socket(row, socket.SOCK_RAW, socket.IPPROTO_ICMP if row.inner == 4 else socket.IPPROTO_ICMPV6) as s:
        s.bind((row.address("a"), 0))
        s.setblocking(False)
        sent, seen = 0, set()

        def hear():
            try:
                while True:
                    answer = s.recv(2048)
                    answer = answer[20:] if row.inner == 4 else answer
                    if answer[:1] == (b"\0" if row.inner == 4 else b"\x81") and answer[4:6] == b"PB":
                        seen.add(answer[6:8])
            except BlockingIOError:
                pass

        while not stop.is_set() and sent < 65535:
            sent += 1
            echo = struct.pack(">BBH2sH", 8 if row.inner == 4 else 128, 0, 0, b"PB", sent) + bytes(8)
            if row.inner == 4:
                echo = echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]
            s.sendto(echo, (row.address("b"), 0))
            hear()
            time.sleep(0.002)
        until = time.monotonic() + 3
        while len(seen) < sent and time.monotonic() < until:
            time.sleep(0.005)
            hear()
        lost[:] = sent - len(seen), sent


def rekey(command, side, row, *options):
    done = subprocess.run(command[side] + ["sa", "rekey", *options, row.name], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"sa rekey {' '.join(options)} on {side}: {done.stdout}{done.stderr}"


def rekey_row(row, command):
    """A rekey from either end, then all over again."""
    for side in "ab":
        why = rekey(command, side, row)
        if why:
            return why
        time.sleep(0.01)
    return drive_row(row)


def burst_row(row, command):
    """Rekeys of both kinds from both ends under ping."""
    stop, lost, why = threading.Event(), [0, 0], None
    sender = threading.Thread(target=burst, args=(row, stop, lost))
    sender.start()
    for side in "abab":
        why = why or rekey(command, side, row, "--ike") or rekey(command, side, row)
        time.sleep(0.03)
    stop.set()
    sender.join()
    return why or (f"{lost[0]} of {lost[1]} pings are lost" if lost[0] else None)


def drive(table, folder, how, *names):
    failed = 0
    command = folder and {side: [os.environ["DIETVPN_BINARY_DIR"] + "/bin/dietvpn", "--socket", f"{folder}/{side}/run/control.sock"] for side in "ab"}
    for row in rows(table):
        if row.refused or folder and row.once or how == burst_row and not row.section or names and row.name not in names:
            continue
        why = how(row, command) if folder else how(row)
        if why:
            print(f"FAIL {row.name}: {why}")
            failed += 1
    return 1 if failed else 0


def post(here, there, tries="3"):
    """A sensor's CoAP POST, confirmable: its answer has to be 2.04."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.bind((here, COAP))
        message = bytes([0x41, 2]) + os.urandom(3) + b"\xb1t\xff21.5C 48%RH"
        for _ in range(int(tries)):
            s.sendto(message, (there, COAP))
            try:
                return 0 if s.recv(2048) == b"\x61\x44" + message[2:5] else 1
            except TimeoutError:
                continue
    return 1


def sink():
    """The other end of post()."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::", COAP))
        print("listening", flush=True)
        while True:
            message, who = s.recvfrom(2048)
            s.sendto(b"\x61\x44" + message[2:5], who)


def echo(s):
    with s:
        try:
            while True:
                data = s.recv(65536)
                if not data:
                    return
                s.sendall(data)
        except OSError:
            pass


def serve():
    with socket.create_server(("::", ECHO), family=socket.AF_INET6, dualstack_ipv6=True) as s:
        print("listening", flush=True)
        while True:
            threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()


def main(words):
    command, arguments = words[0], words[1:]
    if command == "conf":
        for side in "ab":
            with open(f"{arguments[1]}/{side}/etc/home.conf", "a", encoding="ascii") as f:
                f.write("\n".join(row.conf(side) for row in rows(arguments[0])))
    elif command == "addresses":
        for row in rows(arguments[0]):
            print("lo", row.address(arguments[1]))
            if arguments[1] == "b":
                print("out0", row.endpoint())
    elif command == "refused":
        for row in rows(arguments[0]):
            if row.refused:
                print(row.name, *row.refused)
    elif command == "serve":
        serve()
    elif command == "drive":
        return drive(arguments[0], None, drive_row, *arguments[1:])
    elif command == "rekey":
        return drive(arguments[0], arguments[1], rekey_row, *arguments[2:])
    elif command == "burst":
        return drive(arguments[0], arguments[1], burst_row, *arguments[2:])
    elif command == "post":
        return post(*arguments)
    elif command == "sink":
        sink()
    elif command == "cost":
        cost(arguments[0])
    elif command == "check":
        return check(*arguments)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

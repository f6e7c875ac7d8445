#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Declares the manual keys of many peers fresh over one connection: fresh.py SOCKET NAME FIRST LAST

As `dietvpn sa fresh-key NAMEi` for each i, without a process each. Frames are those of docs/control.md.
"""
import socket
import sys


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    if n < 256:
        return bytes([major << 5 | 24, n])
    return bytes([major << 5 | 25]) + n.to_bytes(2, "big")


def text(s):
    return head(3, len(s)) + s.encode()


def request(i, peer):
    body = head(5, 3) + text("id") + head(0, i % 60000 + 1) + text("do") + text("sa.fresh-key")
    body += text("with") + head(5, 1) + text("peer") + text(peer)
    return head(2, len(body)) + body


def answer(s, have):
    """One frame, and what came behind it."""
    while True:
        info = have[0] & 31 if have else 0
        size = {24: 1, 25: 2}.get(info, 0)
        if len(have) > size:
            n = int.from_bytes(have[1 : 1 + size], "big") if size else info
            if len(have) >= 1 + size + n:
                return have[1 + size : 1 + size + n], have[1 + size + n :]
        more = s.recv(65536)
        if not more:
            sys.exit("the daemon closed the connection")
        have += more


def main():
    path, name, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    have = b""
    for i in range(first, last + 1):
        s.sendall(request(i, name + str(i)))
        frame, have = answer(s, have)
        if b"\x63err" in frame:
            sys.exit("%s%d: %r" % (name, i, frame))


main()

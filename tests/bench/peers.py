#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Configurations of two ends with N peers each, one SA pair a peer, manual keys.

    peers.py FOLDER N OUTER_A OUTER_B [split] [KEY=VALUE ...]

Writes FOLDER/{a,b}/etc/home.conf and keys; with split the peers alone, into home.d/more.conf beside a home.conf that is there.
Peer i, 1 to N: a's inner address is fd00:d1e7:2::i, b's fd00:d1e7:1::i. Below FOLDER/b the peers' other end is OUTER_A,
below FOLDER/a it is OUTER_B. KEY=VALUE goes into every [Peer].
"""
import base64
import os
import sys

OCTETS = 36  # ChaCha20-Poly1305: key and salt
KEY_OCTETS = {"aes-gcm-16": 20, "aes-ccm-8": 19}
# The low 16 bits travel under link, and their first octet is not zero.
SPI_FIRST = 0x0100


def address(side, i):
    return "fd00:d1e7:%d::%x" % (2 if side == "a" else 1, i)


def peer(me, other, i, endpoint, extra):
    spi = {"a": 0xA1000000, "b": 0xB1000000}
    lines = [
        '[Peer "p%d"]' % i,
        "Keying = manual",
        "Endpoint = " + endpoint,
        "Address = " + address(other, i),
        "Local = " + address(me, i),
        "OutSpi = 0x%08x" % (spi[me] + SPI_FIRST + i),
        "OutKey = keys/%s%d" % (me, i),
        "InSpi = 0x%08x" % (spi[other] + SPI_FIRST + i),
        "InKey = keys/%s%d" % (other, i),
        "Fallback = no",
    ]
    return "\n".join(lines + extra) + "\n"


def write_keys(folder, n, octets):
    for side in "ab":
        os.makedirs("%s/%s/etc/keys" % (folder, side), exist_ok=True)
        for more in ("state", "run"):
            os.makedirs("%s/%s/%s" % (folder, side, more), exist_ok=True)
    for name in (sender + str(i) for sender in "ab" for i in range(1, n + 1)):
        key = base64.b64encode(os.urandom(octets))
        for side in "ab":
            fd = os.open("%s/%s/etc/keys/%s" % (folder, side, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(fd, key)
            os.close(fd)


def main():
    folder, n, outer = sys.argv[1], int(sys.argv[2]), {"a": sys.argv[3], "b": sys.argv[4]}
    split = "split" in sys.argv[5:]
    extra = [arg.replace("=", " = ", 1) for arg in sys.argv[5:] if "=" in arg]
    cipher = next((arg.split("=")[1] for arg in sys.argv[5:] if arg.startswith("Cipher=")), "")
    write_keys(folder, n, KEY_OCTETS.get(cipher.removesuffix("-iiv"), OCTETS))
    for me, other in ("ab", "ba"):
        path = "%s/%s/etc/" % (folder, me) + ("home.d/more.conf" if split else "home.conf")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            if not split:
                out.write("[Interface]\nName = diet0\nAddress = %s/112\n" % address(me, 0xFFFF))
            for i in range(1, n + 1):
                out.write(peer(me, other, i, outer[other], extra))


main()

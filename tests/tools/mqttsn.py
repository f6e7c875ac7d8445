#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sensor and a gateway that speak MQTT-SN 1.2 over UDP, as far as the tests need traffic of it.

mqttsn.py serve ADDRESS PORT: a gateway without a broker; it answers and forgets.
mqttsn.py send ADDRESS PORT LOCAL-PORT COUNT: connects, registers a topic, publishes COUNT readings by turns with QoS 0 and 1,
pings and disconnects; exit status 1 where an answer is missing or not the one that is due. LOCAL-PORT 0: any.
"""
import socket
import struct
import sys

CONNECT, CONNACK, REGISTER, REGACK, PUBLISH, PUBACK = 0x04, 0x05, 0x0A, 0x0B, 0x0C, 0x0D
PINGREQ, PINGRESP, DISCONNECT = 0x16, 0x17, 0x18
QOS_1, CLEAN_SESSION, PROTOCOL, ACCEPTED = 0x20, 0x04, 1, 0


def message(kind, fields=b""):
    """One octet of length counts itself; none here is longer than 255."""
    return struct.pack(">BB", 2 + len(fields), kind) + fields


def parts(data):
    if len(data) < 2 or data[0] != len(data):
        sys.exit("mqttsn: a message with a wrong length")
    return data[1], data[2:]


def answer(kind, fields, topics):
    if kind == CONNECT:
        return message(CONNACK, bytes([ACCEPTED]))
    if kind == REGISTER:
        topic = topics.setdefault(fields[4:], len(topics) + 1)
        return message(REGACK, struct.pack(">H", topic) + fields[2:4] + bytes([ACCEPTED]))
    if kind == PUBLISH and fields[0] & QOS_1:
        return message(PUBACK, fields[1:5] + bytes([ACCEPTED]))
    if kind == PINGREQ:
        return message(PINGRESP)
    if kind == DISCONNECT:
        return message(DISCONNECT)
    return b""


def serve(sock):
    topics = {}
    while True:
        data, peer = sock.recvfrom(512)
        reply = answer(*parts(data), topics)
        if reply:
            sock.sendto(reply, peer)


def ask(sock, data, kind, fields):
    sock.send(data)
    got = parts(sock.recv(512))
    if got != (kind, fields):
        sys.exit("mqttsn: %r is not the answer that was due" % (got,))


def send(sock, count):
    ask(sock, message(CONNECT, struct.pack(">BBH", CLEAN_SESSION, PROTOCOL, 60) + b"sensor-07"), CONNACK, bytes([ACCEPTED]))
    sock.send(message(REGISTER, struct.pack(">HH", 0, 1) + b"home/temperature"))
    kind, fields = parts(sock.recv(512))
    if kind != REGACK or fields[2:] != struct.pack(">HB", 1, ACCEPTED):
        sys.exit("mqttsn: the topic was not registered")
    topic = fields[:2]
    for i in range(count):
        reading, number = b"21.%d" % (i % 10), struct.pack(">H", i + 2)
        if i % 2:
            ask(sock, message(PUBLISH, bytes([QOS_1]) + topic + number + reading), PUBACK, topic + number + bytes([ACCEPTED]))
        else:
            sock.send(message(PUBLISH, b"\0" + topic + b"\0\0" + reading))
    ask(sock, message(PINGREQ), PINGRESP, b"")
    ask(sock, message(DISCONNECT), DISCONNECT, b"")


def main():
    verb, address, port = sys.argv[1:4]
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    if verb == "serve":
        sock.bind((address, int(port)))
        serve(sock)
    sock.settimeout(3)
    sock.bind(("::", int(sys.argv[4])))
    sock.connect((address, int(port)))
    send(sock, int(sys.argv[5]))


main()

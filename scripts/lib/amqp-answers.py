"""Succeeds if a broker at 127.0.0.1:PORT lets guest/guest in: python3 amqp-answers.py PORT

Speaks AMQP 0-9-1 as far as Connection.Tune, which a broker sends only to whom it knows."""

import socket
import struct
import sys


def frame(stream):
    kind, channel, size = struct.unpack(">BHI", stream.read(7))
    payload = stream.read(size)
    return struct.unpack(">HH", payload[:4]) if stream.read(1) == b"\xce" else None


try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as connection:
        stream = connection.makefile("rb")
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        start = frame(stream)
        login = b"\x00guest\x00guest"
        start_ok = struct.pack(">HHI", 10, 11, 0) + b"\x05PLAIN" + struct.pack(">I", len(login)) + login + b"\x05en_US"
        connection.sendall(struct.pack(">BHI", 1, 0, len(start_ok)) + start_ok + b"\xce")
        sys.exit(0 if start == (10, 10) and frame(stream) == (10, 30) else 1)
except (OSError, struct.error):
    sys.exit(1)

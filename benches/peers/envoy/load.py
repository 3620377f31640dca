"""One client that sends requests to a port, each with the next token, and waits for their answers on
16 connections.

Usage: load.py TOKENS PORT SECONDS      prints what ../README.md says
"""

import itertools
import json
import pathlib
import selectors
import socket
import sys
import time

CONNECTIONS = 16


class Load:
    def __init__(self, tokens, port):
        head = "GET /orders HTTP/1.1\r\nhost: orders.example\r\nauthorization: Bearer "
        self.requests = itertools.cycle([f"{head}{token}\r\n\r\n".encode() for token in tokens])
        self.answered = 0
        self.waiting = selectors.DefaultSelector()
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port), 5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.waiting.register(connection, selectors.EVENT_READ)
            connection.sendall(next(self.requests))

    def work(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in self.waiting.select(1):
                # The server's responses have only a head, which arrives in one piece.
                answer = key.fileobj.recv(65536)
                if not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n")):
                    raise ValueError(f"an answer is {answer.splitlines()[:1]}")
                self.answered += 1
                key.fileobj.sendall(next(self.requests))


def main(file, port, seconds):
    load = Load(pathlib.Path(file).read_text().split(), int(port))
    load.work(max(0.5, float(seconds) / 5))
    print("begin", flush=True)
    before = load.answered, time.process_time(), time.monotonic()
    load.work(float(seconds))
    after = load.answered, time.process_time(), time.monotonic()
    answered, cpu, span = (one - other for one, other in zip(after, before))
    print(json.dumps({"tokens": answered, "cpu_seconds": cpu, "seconds": span}))


main(*sys.argv[1:])

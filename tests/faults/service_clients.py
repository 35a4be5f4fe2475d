#!/usr/bin/python3
"""Clients that no service should meet, and one that it has to keep. service_clients.py KIND PORT [NUMBER]"""

import os
import socket
import sys
import threading
import time

kind, port = sys.argv[1], int(sys.argv[2])
number = int(sys.argv[3] or 0) if len(sys.argv) > 3 else 0


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(client):
    """The first line that comes, or what happened instead."""
    try:
        text = client.recv(65536)
    except OSError as error:
        return type(error).__name__
    return text.split(b"\r\n")[0].decode(errors="replace") if text else "closed"


def slow_head():
    """One octet at a time, faster than any idle time-out and slower than a head may come."""
    client = connect()
    client.settimeout(0.2)
    for octet in b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 1000:
        try:
            client.send(bytes([octet]))
        except OSError:
            return answer(client)
        got = answer(client)
        if got != "TimeoutError":
            return got
    return "read to the end"


def garbage():
    kinds = set()
    for _ in range(number):
        client = connect()
        try:
            client.sendall(os.urandom(512) + b"\r\n\r\n")
        except OSError:
            pass
        got = answer(client)
        kinds.add(got.split(" ")[1] if got.startswith("HTTP/1.1 ") else got)
    return " ".join(sorted(kinds))


def endless_body():
    """Chunks without end, to a path that takes no body and to one that is not there."""
    statuses = []
    for path in (b"/healthz", b"/api/v1/nothing"):
        client = connect()
        client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < number:
                client.sendall(b"10000\r\n" + b"a" * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
        statuses.append("all" if sent >= number else "refused")
    return " ".join(statuses)


def long_url():
    client = connect()
    client.sendall(b"GET /" + b"a" * number + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    return answer(client)


def crowd():
    clients = [connect() for _ in range(number)]
    print("connected", flush=True)
    sys.stdin.read()
    return f"{len(clients)} left"


def load():
    """Four clients with kept connections until standard input ends. A connection that the service closed in
    between requests is made anew, as HTTP asks for; a request without its answer counts as lost."""
    counts = {"answered": 0, "lost": 0}
    over = threading.Event()

    def run():
        client = None
        while not over.is_set():
            client = client or connect()
            try:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                text = client.recv(65536)
                if text.startswith(b"HTTP/1.1 200"):
                    counts["answered"] += 1
                else:
                    counts["lost"] += 1
                if not text or b"Connection: close" in text:
                    client = None
            except OSError:
                counts["lost"] += 1
                client = None
            time.sleep(0.0005)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    print("loading", flush=True)
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    return f"{counts['answered']} answered, {counts['lost']} lost"


print(globals()[kind](), flush=True)

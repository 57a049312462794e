"""The servers of a test's network, run inside a network namespace: DNS, HTTP, TLS, echo. Told by lines of JSON on
standard input, each answered by one line: {"zone": {...}} replaces the DNS zone, {"queries": true} lists the names that
were asked for, {"requests": true} what HTTP and TLS servers saw."""

import json
import select
import signal
import socket
import ssl
import struct
import sys
import threading

TYPES = {1: "A", 5: "CNAME", 16: "TXT", 28: "AAAA"}
zone, queries, requests = {}, [], []


def dns_name(message, offset):
    labels = []
    while message[offset]:
        size = message[offset]
        labels.append(message[offset + 1:offset + 1 + size].decode("latin-1"))
        offset += size + 1
    return ".".join(labels).lower(), offset + 1


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".") if label) + b"\0"


def record(name, kind, ttl, value):
    if kind == "A":
        data = socket.inet_pton(socket.AF_INET, value)
    elif kind == "AAAA":
        data = socket.inet_pton(socket.AF_INET6, value)
    elif kind == "CNAME":
        data = wire_name(value)
    else:
        data = bytes([len(value)]) + value.encode()
    number = {text: number for number, text in TYPES.items()}[kind]
    return wire_name(name) + struct.pack("!HHIH", number, 1, ttl, len(data)) + data


def dns_answer(message, limit):
    """Zone: {"name": {"A": [...], "AAAA": [...], "CNAME": "...", "ttl": 60, "raw": "hex after the id", "drop": true}}."""
    identity, flags = message[:2], struct.unpack("!H", message[2:4])[0]
    name, end = dns_name(message, 12)
    kind = TYPES.get(struct.unpack("!H", message[end:end + 2])[0], "")
    queries.append([name, kind, "tcp" if limit > 4096 else "udp"])
    question = message[12:end + 4]
    entry, answers, at = zone.get(name), [], name
    if entry and entry.get("drop"):
        return None
    if entry and "raw" in entry:
        return identity + bytes.fromhex(entry["raw"])
    for _ in range(20):
        here = zone.get(at)
        if not here or "CNAME" not in here:
            break
        answers.append(record(at, "CNAME", here.get("ttl", 60), here["CNAME"]))
        at = here["CNAME"]
    final = zone.get(at)
    for value in (final or {}).get(kind, []) if kind != "CNAME" else []:
        answers.append(record(at, kind, final.get("ttl", 60), value))
    code = 0 if entry is not None else 3
    head = 0x8180 | (flags & 0x0100)
    body = b"".join(answers)
    if 12 + len(question) + len(body) > limit:  # truncated: over TCP the rest
        return identity + struct.pack("!HHHHH", head | 0x0200 | code, 1, 0, 0, 0) + question
    return identity + struct.pack("!HHHHH", head | code, 1, len(answers), 0, 0) + question + body


def listener(family, kind, address, port):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(512)
    return sock


def each(sock, handle):
    """One thread a connection."""
    def guarded(connection, peer):
        try:
            connection.settimeout(20)
            handle(connection, peer)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            connection.close()

    def loop():
        while True:
            try:
                connection, peer = sock.accept()
            except OSError:
                continue
            threading.Thread(target=guarded, args=(connection, peer), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def serve_datagrams(sock, answer):
    def loop():
        while True:
            try:
                data, peer = sock.recvfrom(65535)
                reply = answer(data)
                if reply is not None:
                    sock.sendto(reply, peer)
            except (OSError, IndexError, struct.error):
                pass
    threading.Thread(target=loop, daemon=True).start()


def read_all(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def dns_stream(connection, _):
    while True:
        size = struct.unpack("!H", read_all(connection, 2))[0]
        reply = dns_answer(read_all(connection, size), 65535)
        if reply is None:
            return
        connection.sendall(struct.pack("!H", len(reply)) + reply)


def http(connection, peer, secure=False):
    """GET /bytes/N sends N bytes; PUT and POST count what comes; all else tells who is talking to whom."""
    stream = connection.makefile("rb")
    while True:
        line = stream.readline(8192)
        if not line:
            return
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while (text := stream.readline(8192).decode("latin-1").strip()) != "":
            key, _, value = text.partition(":")
            headers[key.lower()] = value.strip()
        received = 0
        left = int(headers.get("content-length", 0))
        while left > 0:
            piece = stream.read(min(left, 1 << 16))
            if not piece:
                return
            left -= len(piece)
            received += len(piece)
        local = connection.getsockname()
        seen = {"address": local[0], "port": local[1], "peer": peer[0], "host": headers.get("host", ""), "path": path,
                "method": method, "secure": secure, "received": received, "sni": getattr(connection, "sni", None)}
        requests.append(seen)
        if path.startswith("/bytes/"):
            size = int(path.split("/")[2])
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
            block = bytes(range(256)) * 256
            while size > 0:
                connection.sendall(block[:size])
                size -= len(block)
            return
        body = json.dumps(seen).encode() + b"\n"
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                           .encode() + body)
        if headers.get("connection", "").lower() == "close":
            return


def echo(connection, _):
    while data := connection.recv(65536):
        connection.sendall(data)


def tls_handler(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def remember(sock, name, _):
        sock.sni = name
    context.sni_callback = remember

    def handle(connection, peer):
        with context.wrap_socket(connection, server_side=True) as secure:
            http(secure, peer, secure=True)
    return handle


def main():
    """Arguments: JSON {"addresses": [...], "http": [ports], "tls": [ports], "echo": [ports], "dns": [addresses],
    "certificate": FILE, "key": FILE, "local": [[address, port], ...]}. `addresses` empty: all of them."""
    # The parent's end is this one's: its standard input closes.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    setup = json.loads(sys.argv[1])
    for address in setup.get("dns", []):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        serve_datagrams(listener(family, socket.SOCK_DGRAM, address, 53), lambda data: dns_answer(data, 512))
        each(listener(family, socket.SOCK_STREAM, address, 53), dns_stream)
    for address in setup.get("addresses") or ["0.0.0.0", "::"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for port in setup.get("http", []):
            each(listener(family, socket.SOCK_STREAM, address, port), http)
        for port in setup.get("tls", []):
            each(listener(family, socket.SOCK_STREAM, address, port), tls_handler(setup["certificate"], setup["key"]))
        for port in setup.get("echo", []):
            each(listener(family, socket.SOCK_STREAM, address, port), echo)
            serve_datagrams(listener(family, socket.SOCK_DGRAM, address, port), lambda data: data)
    print(json.dumps("ready"), flush=True)
    while True:
        select.select([sys.stdin], [], [])
        line = sys.stdin.readline()
        if not line:
            return
        told = json.loads(line)
        if "zone" in told:
            zone.clear()
            zone.update(told["zone"])
        answer = {}
        if told.get("queries"):
            answer["queries"] = list(queries)
            queries.clear()
        if told.get("requests"):
            answer["requests"] = list(requests)
            requests.clear()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

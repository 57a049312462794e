"""A payload against its filtered network: the rules, the ways around them, and the helper itself."""

import json
import os
import socket
import subprocess

import pytest

from network_world import World, world, shared_world  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces with a device between them need root")

ATTACK = r"""
import ctypes, errno, os, socket, struct, subprocess, sys
web, other = sys.argv[1:3]

def attempt(what, do):
    try:
        print(what, "DONE", do())
    except OSError as error:
        print(what, errno.errorcode.get(error.errno, "timed out"))

def netlink(family, kind, flags, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
    s.settimeout(5)
    s.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
    answer = s.recv(4096)
    code = struct.unpack("=i", answer[16:20])[0]
    if code:
        raise OSError(-code, "refused")

def batch(kind, body):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.settimeout(5)
    s.bind((0, 0))
    gen = lambda resource: struct.pack("!BBH", 0, 0, resource)
    head = lambda size, kind, flags, n: struct.pack("=IHHII", 16 + size, kind, flags, n, 0)
    s.send(head(4, 16, 1, 1) + gen(10) + head(len(body), kind, 5, 2) + body + head(4, 17, 1, 3) + gen(10))
    code = struct.unpack("=i", s.recv(4096)[16:20])[0]
    if code:
        raise OSError(-code, "refused")

table = struct.pack("!BBH", 1, 0, 0) + struct.pack("=HH", 8, 1) + b"sbx\0"
attempt("nft-delete", lambda: batch(0x0A02, table))
attempt("nft-create", lambda: batch(0x0A00, table))
attempt("route-delete", lambda: netlink(0, 25, 5, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 255, 4, 254, 2, 0)))
attempt("address-delete", lambda: netlink(0, 21, 5, struct.pack("=BBBBI", 2, 32, 0, 0, 1) + struct.pack("=HH", 8, 2) + socket.inet_aton("198.18.0.1")))
def link_down():
    import fcntl
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0))
attempt("link-down", link_down)
def option(level, name, value):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(level, name, value)
attempt("transparent", lambda: option(0, 19, 1))
attempt("mark", lambda: option(1, 36, 1))
def bind(port, kind):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", port))
attempt("bind-dns", lambda: bind(53, socket.SOCK_DGRAM))
attempt("bind-proxy", lambda: bind(828, socket.SOCK_STREAM))
def to_device():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    s.connect((web, 7)); s.send(b"x"); return s.recv(1)
attempt("bind-to-device", to_device)
def tcp(address, port, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect((address, port)); s.sendall(b"hello\n"); data = s.recv(5)
    if not data: raise OSError(errno.ECONNRESET, "closed")
    return data
attempt("direct", lambda: tcp(other, 7))
attempt("mapped", lambda: tcp("::ffff:" + other, 7, socket.AF_INET6))
def fast_open():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM); s.settimeout(5)
    s.sendto(b"hello\n", 0x20000000, (other, 7))
    data = s.recv(5)
    if not data: raise OSError(errno.ECONNRESET, "closed")
    return data
attempt("fast-open", fast_open)
for number, name in ((132, "sctp"), (33, "dccp"), (136, "udplite")):
    def other_protocol(number=number):
        s = socket.socket(socket.AF_INET, {132: socket.SOCK_STREAM, 33: 6, 136: socket.SOCK_DGRAM}[number], number)
        s.settimeout(3); s.connect((web, 7)); s.send(b"x"); return s.recv(1)
    attempt(name, other_protocol)
def abstract():
    s = socket.socket(socket.AF_UNIX); s.connect("\0sbx-attack"); return s.recv(5)
attempt("abstract", abstract)
libc = ctypes.CDLL(None, use_errno=True)
def unshare(flags):
    if libc.unshare(flags): raise OSError(ctypes.get_errno(), "")
def in_child(do):
    pid = os.fork()
    if pid == 0:
        attempt(*do)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
sys.stdout.flush()
def new_network():
    unshare(0x50000000)
    return tcp(web, 7)
in_child(("unshare-net", new_network))
def new_user():
    unshare(0x10000000)
    batch(0x0A02, table)
in_child(("unshare-user-nft", new_user))
print("allowed", tcp(socket.gethostbyname("www.example.test"), 7))
"""


@pytest.mark.parametrize("nested", ["false", "true"])
@pytest.mark.parametrize("kind", ["user", "root"])
def test_nothing_gets_around_the_rules(world, request, kind, nested):  # noqa: F811
    caller = request.getfixturevalue(kind)
    path = caller.write("attack.py", ATTACK)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0sbx-attack")
        listener.listen()
        outcome = world.run(caller, "--net", "filtered", "--allow", "www.example.test:7", "--ro", str(path), "--set", f"namespaces.nested={nested}",
                            "--", "/usr/bin/python3", str(path), World.web, World.other, timeout=60)
    assert outcome.status == 0, outcome
    results = dict(line.split(" ", 1) for line in outcome.out.splitlines())
    assert results.pop("allowed") == "b'hello'", outcome
    assert len(results) == 19, outcome
    done = {what: result for what, result in results.items() if result.startswith("DONE")}
    assert not done, outcome
    for what in ("nft-delete", "nft-create", "route-delete", "address-delete", "link-down", "transparent", "mark"):
        assert results[what] in ("EPERM", "EACCES"), outcome
    assert results["direct"] in ("ECONNRESET", "ECONNREFUSED", "EPIPE"), outcome


def test_the_helper_is_confined_itself(world, user):  # noqa: F811
    words = [user.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--net", "filtered", "--", "/bin/sh", "-c", "echo ready; read x"]
    process = world.start(user, ["env", "-C", str(user.work), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    children = [int(pid) for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()]
    helper = next(pid for pid in children if open(f"/proc/{pid}/comm").read() == "sbx-net\n")
    status = dict(line.rstrip("\n").split(":\t", 1) for line in open(f"/proc/{helper}/status") if ":\t" in line)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, status
    assert open(f"/proc/{helper}/environ", "rb").read() == b""
    names = sorted(os.readlink(f"/proc/{helper}/fd/{number}").split(":")[0] for number in os.listdir(f"/proc/{helper}/fd"))
    assert set(names) <= {"/dev/null", "anon_inode", "socket", "pipe"}, names
    process.stdin.close()
    assert process.wait(10) is not None
    assert not os.path.exists(f"/proc/{helper}")


def test_the_helper_dies_with_a_killed_launcher(world, user):  # noqa: F811
    words = [user.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--net", "filtered", "--", "/bin/sh", "-c", "echo ready; read x"]
    process = world.start(user, ["env", "-C", str(user.work), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    children = [int(pid) for pid in open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()]
    process.kill()
    process.wait(10)
    import harness
    for pid in children:
        harness.wait_for(lambda pid=pid: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z", what=str(json.dumps(children)))

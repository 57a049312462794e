"""network.mode = "private": the world is reached, by name too; the host, its other addresses and link-local ones are
not. What serves it is confined, ends with sbx, and takes the network along when it ends."""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import pytest

import harness
from network_world import World, shared_world, world  # noqa: F401

pytestmark = pytest.mark.new_kernel  # the helper is held by a pidfd, and joins by one

PRIVATE = ["--net", "private"]
FETCH = "curl -sS --max-time 8 "
# What is out of reach from inside, and reached on the host itself.
CLOSED = {
    "own-address": f"http://{World.host}:{World.host_port}/",
    "other-device": f"http://{World.second}:{World.host_port}/",
    "own-ipv6": f"http://[{World.host6}]:{World.host_port}/",
    "other-ipv6": f"http://[{World.second6}]:{World.host_port}/",
    "metadata": f"http://{World.metadata}/",
    "loopback": f"http://127.0.0.1:{World.host_port}/",
    "loopback-ipv6": f"http://[::1]:{World.host_port}/",
}
# Bound to the device, where the kernel would do without a route (SO_BINDTODEVICE is no privilege since Linux 5.7).
BOUND = """
import socket, sys
for address, port in {targets!r}:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"net0")
    sock.settimeout(3)
    try:
        sock.connect((address, port))
        print("reached", address)
    except OSError as error:
        print("closed", address)
"""


def helper_pid(sandbox):
    """Of the program that serves the network of the sandbox that a started sbx runs."""
    deadline = time.monotonic() + 10 * harness.SLOWNESS
    while time.monotonic() < deadline:
        for pid in harness.descendants(sandbox.pid):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].rpartition(b"/")[2] in (b"pasta", b"pasta.avx2", b"slirp4netns"):
                return pid
        time.sleep(0.02)
    raise AssertionError("no helper is seen")


def wait_gone(pid):
    deadline = time.monotonic() + 5 * harness.SLOWNESS
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def start(world, caller, script, *options):
    return world.start(caller, [caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *PRIVATE, *options,
                                "--", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def line_of(stream, patience=10):
    ready, _, _ = select.select([stream], [], [], patience * harness.SLOWNESS)
    assert ready, "nothing is said"
    return stream.readline().decode()


def assert_up(run):
    line = line_of(run.stdout)
    assert line == "up\n", (line, run.stderr.read() if line == "" else b"")


def test_names_and_addresses_are_reached(world, caller):
    outcome = world.shell(caller, f"{FETCH} http://v4.example.test/a; {FETCH} http://v6.example.test/b; {FETCH} http://{world.other}/c", *PRIVATE)
    assert outcome.status == 0, outcome
    seen = [json.loads(line) for line in outcome.out.splitlines()]
    assert [one["address"] for one in seen] == [world.web, world.web6, world.other], outcome
    # The network that is seen is the host's: NAT.
    assert [one["peer"] for one in seen] == [world.host, world.host6, world.host]


def test_tls_by_name(world, user):
    outcome = world.run(user, *PRIVATE, "--ro", world.directory / "ca.pem", "--", "curl", "-sS", "--max-time", "8", "--cacert",
                        world.directory / "ca.pem", "https://www.example.test/")
    assert outcome.status == 0 and outcome.json()["sni"] == "www.example.test", outcome


@pytest.mark.parametrize("stub", [False, True], ids=["resolver", "stub"])
def test_names_over_udp_and_tcp(world, user, stub):
    if stub:
        world.stub_resolver()
    outcome = world.shell(user, "getent ahostsv4 www.example.test; dig +short +notcp +tries=1 +time=5 www.example.test; cat /etc/resolv.conf", *PRIVATE)
    assert outcome.status == 0 and outcome.out.count(world.web) >= 2, outcome
    assert "nameserver 10.0.2.3\n" in outcome.out, outcome
    if not stub:
        big = world.shell(user, "dig +short +tries=1 +time=5 big.example.test | wc -l", *PRIVATE)
        assert big.out.strip() == "81", big
        assert ["big.example.test", "A", "tcp"] in world.queries()


@pytest.mark.parametrize("target", CLOSED)
def test_closed(world, user, target):
    control = world.inside.do("curl", "-sS", "--max-time", "8", CLOSED[target])
    assert json.loads(control.stdout)["port"], "not even reached on the host"
    outcome = world.shell(user, FETCH + f"'{CLOSED[target]}'", *PRIVATE)
    assert outcome.status != 0 and outcome.out == "", outcome
    assert outcome.seconds < 6 * harness.SLOWNESS, "refused, not left to time out"


def test_closed_to_sockets_bound_to_the_device(world, user):
    targets = [(world.host, world.host_port), (world.second, world.host_port), (world.host6, world.host_port), (world.second6, world.host_port),
               (world.metadata, 80)]
    outcome = world.python(user, BOUND.format(targets=targets + [(world.web, 80), (world.web6, 80)]), *PRIVATE)
    assert outcome.out.splitlines() == [f"closed {address}" for address, _ in targets] + [f"reached {world.web}", f"reached {world.web6}"], outcome


def test_closed_over_udp_and_multicast(world, user):
    script = f"""
import socket
def ask(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    try:
        sock.sendto(b"hello", (address, port)); sock.recvfrom(100); return "reached"
    except OSError:
        return "closed"
for address in ("{world.web}", "{world.web6}", "{world.host}", "{world.second}", "{world.second6}", "{world.metadata}", "224.0.0.1"):
    print(ask(address, 7))
"""
    outcome = world.python(user, script, *PRIVATE)
    assert outcome.out.split() == ["reached"] * 2 + ["closed"] * 5, outcome


def test_an_address_that_the_host_gets_later_is_closed_too(world, user):
    run = start(world, user, f"echo up; read go; {FETCH} http://10.77.0.1:{world.host_port}/ || echo closed")
    assert_up(run)
    world.inside.do("ip", "addr", "add", "10.77.0.1/32", "dev", "side0")
    try:
        time.sleep(0.5 * harness.SLOWNESS)
        assert json.loads(world.inside.do("curl", "-sS", f"http://10.77.0.1:{world.host_port}/").stdout)["port"]
        out, err = run.communicate(b"go\n", 20 * harness.SLOWNESS)
        assert out == b"closed\n", (out, err)
    finally:
        world.inside.do("ip", "addr", "del", "10.77.0.1/32", "dev", "side0")


def test_rules_and_devices_are_out_of_the_payloads_hands(world, user):
    outcome = world.shell(user, "nft flush ruleset; ip link set net0 down; ip addr add 10.9.9.9/24 dev net0; ping -c 1 -W 1 10.0.2.2; unshare -rn true; "
                          f"{FETCH} http://{world.second}:{world.host_port}/; echo", *PRIVATE, "--set", "namespaces.nested=true")
    assert outcome.out == "\n", outcome


@pytest.mark.parametrize("capability", ["NET_ADMIN", "NET_RAW"])
def test_capabilities_that_pass_by_the_rules_are_refused(world, user, capability):
    outcome = world.run(user, *PRIVATE, "--cap-add", capability, "--", "true")
    assert outcome.status == 125 and f"CAP_{capability}" in outcome.error(), outcome


@pytest.mark.parametrize("how", ["127.0.0.1", "[::1]", World.host])
def test_published_tcp_port(world, user, how):
    run = start(world, user, "echo up; exec /usr/bin/python3 -m http.server 8000 --bind ::", "--publish", f"{how}:18080:8000", "--ro", str(user.work),
                "--report=json:fd:2")
    assert_up(run)
    reached = world.inside.do("curl", "-sS", "--retry", "12", "--retry-delay", "1", "--retry-all-errors", "--retry-max-time", "15", "--max-time", "5",
                              f"http://{how}:18080/", check=False)
    assert b"Directory listing" in reached.stdout, reached
    # On no other address of the host.
    other = "127.0.0.1" if how != "127.0.0.1" else world.host
    assert world.inside.do("curl", "-sS", "--max-time", "3", f"http://{other}:18080/", check=False).returncode == 7
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=15 * harness.SLOWNESS)
    assert b"the port is open on the host" in err, err


@pytest.mark.timeout(60)
def test_published_udp_port(world, user):
    run = start(world, user, "echo up; exec /usr/bin/python3 -c 'import socket\nsock=socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nsock.bind((\"0.0.0.0\", 5000))\n"
                "while True:\n    data, peer = sock.recvfrom(100); sock.sendto(data.upper(), peer)'", "--publish", f"{World.host}:15000:5000/udp")
    assert_up(run)
    ask = ("import socket, sys\nsock=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sock.settimeout(1)\n"
           "for _ in range(12):\n    try:\n        sock.sendto(b'hello', (sys.argv[1], 15000)); print(sock.recv(100)); break\n    except OSError: pass")
    answer = world.outside.do("/usr/bin/python3", "-c", ask, world.host)
    assert answer.stdout == b"b'HELLO'\n", answer
    run.kill()
    run.communicate(timeout=10)


def test_a_port_that_is_taken_is_told(world, user):
    outcome = world.run(user, *PRIVATE, "--publish", f"{world.host_port}:80", "--", "echo", "started")
    assert outcome.status == 125 and str(world.host_port) in outcome.error() and "started" not in outcome.out, outcome


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_without_its_helper_the_network_is_closed_and_that_is_told(world, user, number):
    run = start(world, user, f"{FETCH} http://{world.web}/ >/dev/null && echo up; read go; curl -sS --max-time 3 http://{world.web}/ || echo closed",
                "--report=json:fd:2")
    assert_up(run)
    os.kill(helper_pid(run), number)
    time.sleep(0.2 * harness.SLOWNESS)
    out, err = run.communicate(b"go\n", 20 * harness.SLOWNESS)
    assert out == b"closed\n", (out, err)
    word = b"was killed by signal 9" if number == signal.SIGKILL else b"was stopped"
    assert err.count(word) == 2 and b"has no network any more" in err, err  # by line and in the report


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_the_helper_ends_with_sbx(world, caller, number):
    run = start(world, caller, "echo up; exec sleep 60")
    assert_up(run)
    pid = helper_pid(run)
    os.kill(run.pid if caller.kind != "unshare" else run.pid, number)
    run.communicate(timeout=15 * harness.SLOWNESS)
    assert wait_gone(pid)


def test_killed_at_random_moments_nothing_stays(world, user):
    known = set(harness.descendants(os.getpid()))
    for attempt in range(30):
        run = start(world, user, "exec sleep 60")
        time.sleep(0.01 * attempt)
        run.kill()
        run.communicate(timeout=10)
        user.running.clear()
        left = harness.leftovers(harness.mounts(), harness.traces(), known, patience=3 * harness.SLOWNESS)
        assert not left, f"killed after {attempt * 10} ms: {left}"


def test_helper_is_confined(world, user):
    run = start(world, user, "echo up; read go")
    assert_up(run)
    pid = helper_pid(run)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert re.search(r"^Seccomp:\t2$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M), status
    # Of the sandbox's user namespace, and there no more than SYS_ADMIN and NET_ADMIN.
    assert int(re.search(r"^CapBnd:\t(\w+)$", status, re.M).group(1), 16) & ~(1 << 21 | 1 << 12) == 0, status
    inner = [child for child in harness.descendants(run.pid) if child != pid]
    namespace = lambda one, kind: os.readlink(f"/proc/{one}/ns/{kind}")  # noqa: E731
    assert namespace(pid, "user") == namespace(inner[-1], "user") != namespace("self", "user")
    assert namespace(pid, "net") == namespace(run.pid, "net")
    # Its root holds nothing, and its environment neither.
    assert os.listdir(f"/proc/{pid}/root") == []
    assert pathlib.Path(f"/proc/{pid}/environ").read_bytes() == b""
    opened = {os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")}
    assert all(not name.startswith(("/home", "/tmp/sbx", "/etc")) for name in opened), opened
    run.communicate(b"go\n", 10)


def test_receipt_names_devices_addresses_and_helper(world, user):
    outcome = world.run(user, *PRIVATE, "--report=json:fd:2", "--", "true")
    assert outcome.status == 0, outcome
    items = [item for item in json.loads(outcome.err)["receipt"] if item["protection"] == "network"]
    assert len(items) == 1 and items[0]["enforced"], items
    for word in ("lo 127.0.0.1/8", "net0 10.0.2.100/24", "fd00::100/64", "pasta is pid", "Seccomp=2"):
        assert word in items[0]["found"], items


def without(world, user, script, *arguments):
    """sbx on the test's host, in a mount namespace of its own in which `script` has changed something."""
    words = [user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *PRIVATE, *arguments]
    before = user.prefix
    user.prefix = lambda: world.inside.enter(["unshare", "-m", "--", "sh", "-ec", script + '; exec "$@"', "sh"]) + before()
    try:
        return user.execute(["env", "-C", str(user.work), *words])
    finally:
        user.prefix = before


MISSING = {
    "tun": ("mount -t tmpfs tmpfs /dev/net", "modprobe tun"),
    "tun-closed": ("mount -t tmpfs tmpfs /dev/net; mknod -m 0600 /dev/net/tun c 10 200", "chmod 0666 /dev/net/tun"),
    "programs": ("mount --bind /dev/null /usr/bin/pasta; mount --bind /dev/null /usr/bin/slirp4netns", "install pasta"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_told_with_its_remedy(world, user, what):
    script, remedy = MISSING[what]
    outcome = without(world, user, script, "--", "echo", "started")
    assert outcome.status == 125 and remedy in outcome.error() and outcome.out == "", outcome


def test_without_a_default_route(world, user):
    # A network with a device and no way out.
    words = ["unshare", "-n", "--", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh"]
    before = user.prefix
    user.prefix = lambda: world.inside.enter(words) + before()
    try:
        outcome = user.execute(["env", "-C", str(user.work), user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *PRIVATE, "--",
                                "echo", "started"])
    finally:
        user.prefix = before
    assert outcome.status == 125 and "no default route" in outcome.error() and outcome.out == "", outcome


def test_slirp4netns_where_only_that_is_there(world, user):
    only = "mount --bind /dev/null /usr/bin/pasta"
    script = f"{FETCH} http://v4.example.test/; {FETCH} http://{world.second}:{world.host_port}/ || {FETCH} http://{world.metadata}/ || echo closed"
    outcome = without(world, user, only, "--report=json:fd:2", "--", "sh", "-c", script)
    assert outcome.status == 0, outcome
    assert f'"address": "{world.web}"' in outcome.out and outcome.out.endswith("closed\n"), outcome
    assert "slirp4netns is pid" in outcome.err, outcome
    refused = without(world, user, only, "--publish", "18080:80", "--", "true")
    assert refused.status == 125 and "publishes no ports" in refused.error(), refused


@pytest.mark.parametrize("step", ["start-network", "join-network", "load-rules"])
def test_a_fault_stops_the_launch(world, user, step):
    outcome = world.run(user, *PRIVATE, "--", "echo", "started", program=user.programs.faulty, env={"SBX_FAULT": step})
    assert outcome.status == 125 and f"[{step}]" in outcome.error() and outcome.out == "", outcome


def test_modes_none_and_host(world, user):
    none = world.shell(user, f"ip -o link; {FETCH} http://{world.web}/", "--net", "none")
    assert none.status != 0 and "lo: <LOOPBACK,UP" in none.out and "net0" not in none.out, none
    host = world.shell(user, f"{FETCH} http://127.0.0.1:{world.host_port}/", "--net", "host")
    assert host.status == 0, host

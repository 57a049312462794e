"""--net filtered: what allow names gets out, and nothing else, for every program and without proxy variables."""

import json
import os
import signal
import subprocess
import time

import pytest

import harness
from conftest import make_caller
from network_world import World, world, shared_world  # noqa: F401

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces with a device between them need root"),
              pytest.mark.new_kernel]  # a running sandbox is found by pidfd_open
FILTERED = ("--net", "filtered")


@pytest.fixture(params=["user", "root"])
def filtered(request, world, programs, place):  # noqa: F811
    caller = make_caller(request.param, programs, place)

    def run(script, *allow, options=(), timeout=30):
        arguments = [*FILTERED, *options]
        for rule in allow:
            arguments += ["--allow", rule]
        return world.shell(caller, script, *arguments, timeout=timeout)
    run.world, run.caller = world, caller
    yield run
    caller.finish()


def curl(url, *options):
    return " ".join(["curl", "-sS", "-m", "8", *options, url])


def test_an_allowed_name_is_reached_in_both_families(filtered):
    for family, address in (("-4", World.web), ("-6", World.web6)):
        outcome = filtered(curl("http://www.example.test/", family), "www.example.test:80")
        assert outcome.status == 0, outcome
        assert json.loads(outcome.out)["address"] == address


def test_no_other_name_is_answered(filtered):
    outcome = filtered(curl("http://www.other.test/"), "www.example.test")
    assert outcome.status == 6, outcome
    assert ["www.other.test", "A", "udp"] not in filtered.world.queries()


def test_a_direct_address_is_refused_and_a_named_one_passes(filtered):
    assert filtered(curl(f"http://{World.web}/"), "www.example.test").status != 0
    assert filtered(curl(f"http://{World.web}/"), f"{World.web}:80").status == 0
    assert filtered(curl(f"http://[{World.web6}]/"), "2001:db8::/32").status == 0
    assert filtered(curl(f"http://{World.web}/"), "198.51.100.0/24", options=["--deny", World.web]).status != 0


def test_an_address_is_open_once_its_name_was_answered(filtered):
    outcome = filtered(f"getent ahostsv4 www.example.test; {curl(f'http://{World.web}/', '-H', 'Host:www.example.test')}", "www.example.test")
    assert outcome.status == 0, outcome


def test_ports_are_held_against_the_rule(filtered):
    # Reset by the helper: curl learns of that while it connects (7) or when it reads (56).
    refused = filtered(curl("http://www.example.test:8080/"), "www.example.test:80")
    assert refused.status in (7, 56) and not refused.out, refused
    assert filtered(curl("http://www.example.test:8080/"), "www.example.test:8000-8100").status == 0


def test_wildcards_cover_what_is_below(filtered):
    assert filtered(curl("http://www.example.test/"), "*.example.test").status == 0
    assert filtered(curl("http://www.example.test/"), "example.test").status == 6
    assert filtered(curl("http://www.example.test/"), "*", options=["--deny", "*.example.test"]).status == 6


def test_tls_is_held_against_its_server_name(filtered):
    ca = filtered.world.directory / "ca.pem"
    options = ["--ro", str(ca)]
    honest = curl("https://www.example.test/", "--cacert", str(ca))
    assert filtered(honest, "www.example.test:443", options=options).status == 0
    # The same address under another name: what --connect-to sends as the server's name.
    lie = curl("https://www.other.test/", "-k", "--connect-to", "www.other.test:443:www.example.test:443")
    assert filtered(lie, "www.example.test:443").status != 0
    assert filtered(lie, "www.example.test:443", "www.other.test:443").status != 0
    # No server name at all.
    nameless = "openssl s_client -noservername -connect www.example.test:443 </dev/null"
    assert filtered(nameless, "www.example.test:443").status != 0
    assert filtered(nameless, "www.example.test:443", "198.51.100.0/24").status == 0


def test_http_is_held_against_its_host(filtered):
    lie = curl("http://www.example.test/", "-H", "Host:www.other.test")
    filtered.world.requests()
    assert filtered(lie, "www.example.test").status != 0
    assert filtered.world.requests() == []


def test_inner_addresses_in_answers_are_refused_unless_named(filtered):
    filtered.world.zone({"rebind.example.test": {"A": ["127.0.0.1", "10.99.0.1", World.metadata]}, "mixed.example.test": {"A": ["10.99.0.1", World.web]}})
    port = World.host_port
    assert filtered(curl(f"http://rebind.example.test:{port}/"), "*.example.test").status == 6
    assert filtered(curl(f"http://rebind.example.test:{port}/"), "*.example.test", "10.99.0.0/24").status == 0
    assert json.loads(filtered(curl("http://mixed.example.test/"), "*.example.test").out)["address"] == World.web


def test_aliases_are_judged_by_the_name_that_was_asked_for(filtered):
    filtered.world.zone({"alias.example.test": {"CNAME": "www.other.test"}, "www.other.test": {"A": [World.other]}})
    assert filtered(curl("http://alias.example.test/"), "alias.example.test").status == 0
    assert filtered(curl("http://alias.example.test/"), "www.other.test").status == 6


def test_a_server_that_speaks_first_is_heard(filtered):
    script = "import socket; s = socket.create_connection(('www.example.test', 7), 5); s.sendall(b'hello\\n'); print(s.recv(99).decode())"
    outcome = filtered(f"python3 -c \"{script}\"", "www.example.test:7")
    assert outcome.out.strip() == "hello", outcome


def test_udp_icmp_and_raw_sockets_lead_nowhere(filtered):
    script = """
import errno, socket
def attempt(what, do):
    try:
        do()
        print(what, "passed")
    except OSError as error:
        print(what, errno.errorcode.get(error.errno, error))
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.connect((%r, 7)); s.send(b"x"); s.recv(10)
attempt("udp", udp)
attempt("ping", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
""" % World.web
    path = filtered.caller.write("attempt.py", script)
    began = time.monotonic()
    outcome = filtered(f"python3 {path}", "www.example.test", World.web, options=["--ro", str(path)])
    assert outcome.status == 0, outcome
    assert "udp ECONNREFUSED" in outcome.out, outcome  # at once, not after a time-out
    assert "passed" not in outcome.out, outcome
    assert time.monotonic() - began < 10


def test_the_host_and_its_loopback_are_out_of_reach(filtered):
    for address in ("127.0.0.1", World.host, World.second, World.metadata):
        assert filtered(curl(f"http://{address}:{World.host_port}/"), "*").status != 0, address


def test_without_allow_nothing_gets_out(filtered):
    assert filtered(curl("http://www.example.test/")).status == 6
    assert filtered(curl(f"http://{World.web}/")).status != 0


def test_a_dns_question_over_tcp_and_a_large_answer(filtered):
    script = """
import socket, struct
question = b"\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00" + b"".join(bytes([len(l)]) + l for l in b"big.example.test".split(b".")) + b"\\0\\0\\1\\0\\1"
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(5); u.sendto(question, ("192.0.2.77", 53)); answer, source = u.recvfrom(4096)
print("truncated", bool(answer[2] & 2), source[0])
t = socket.create_connection(("203.0.113.5", 53), 5); t.sendall(struct.pack("!H", len(question)) + question)
size = struct.unpack("!H", t.recv(2))[0]; data = b""
while len(data) < size: data += t.recv(size)
print("answers", struct.unpack("!H", data[6:8])[0])
"""
    path = filtered.caller.write("ask.py", script)
    outcome = filtered(f"python3 {path}", "big.example.test", options=["--ro", str(path)])
    assert outcome.out.split("\n")[:2] == ["truncated True 192.0.2.77", "answers 81"], outcome


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_without_its_helper_the_sandbox_has_no_network(world, user, blow):  # noqa: F811
    caller = user
    words = [caller.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", *FILTERED, "--allow", "www.example.test", "--", "/bin/sh", "-c",
             f"{curl('http://www.example.test/', '-o', '/dev/null')} && echo before && read line; {curl('http://www.example.test/', '-m', '3')} || echo refused"]
    process = world.start(caller, ["env", "-C", str(caller.work), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"before\n"
    helper = helper_of(process.pid)
    os.kill(helper, blow)
    if blow == signal.SIGKILL:
        harness.wait_for(lambda: not os.path.exists(f"/proc/{helper}") or "Z" in open(f"/proc/{helper}/stat").read())
    out, err = process.communicate(b"\n", timeout=30)
    assert b"refused" in out, (out, err)
    assert process.returncode == 0
    if blow == signal.SIGKILL:
        assert b"sbx: the network helper has ended: from here on the sandbox has no network" in err
    assert not os.path.exists(f"/proc/{helper}")


def helper_of(launcher):
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = open(f"/proc/{entry}/stat").read()
            if int(text.rsplit(")", 1)[1].split()[1]) == launcher and "(sbx-net)" in text:
                return int(entry)
        except OSError:
            continue
    raise AssertionError("there is no network helper")


def test_learning_lets_everything_out_and_tells_what_was_used(world, user):  # noqa: F811
    outcome = world.shell(user, f"{curl('http://www.example.test/', '-4')}; {curl(f'http://{World.other}:8080/')}", "--net", "learn")
    assert outcome.status == 0, outcome
    assert outcome.error() == f"what it used: --net filtered --allow {World.other}:8080 --allow www.example.test:80"


def net(caller, *words, **options):
    return caller.execute([caller.programs.sbx, "net", *words], **options)


@pytest.fixture
def living(world, user):  # noqa: F811
    """A sandbox that runs a line of its standard input at a time, and says its status."""
    words = [user.programs.sbx, "run", "-p", "plain", "--name", "web", "--set", "systemd.scope=none", *FILTERED, "--allow", "www.example.test:80", "--", "/bin/sh", "-c",
             "echo ready; while read line; do eval \"$line\" >/dev/null 2>&1; echo $?; done"]
    process = world.start(user, ["env", "-C", str(user.work), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"

    def run(line):
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        return int(process.stdout.readline())
    run.process, run.user = process, user
    yield run
    process.stdin.close()
    process.wait(10)


def test_rules_change_while_the_sandbox_runs(living):
    user, other = living.user, curl("http://www.other.test/")
    assert living(other) == 6
    assert net(user, "web", "allow", "*.other.test:80").status == 0
    assert living(other) == 0
    assert net(user, "web", "list").out == "allow www.example.test:80\nallow *.other.test:80\n"
    assert net(user, "web", "deny", "www.other.test").status == 0
    assert living(other) == 6
    assert net(user, "web", "list", "--json").json() == {"allow": ["www.example.test:80", "*.other.test:80"], "deny": ["www.other.test"], "learning": False}
    assert net(user, "web", "remove", "www.other.test").status == 0
    assert living(other) == 0
    assert "is no port" in net(user, "web", "allow", "x:y").error()
    assert net(user, "web", "list").out.count("\n") == 2


def test_a_denied_connection_is_cut(living):
    assert net(living.user, "web", "allow", "www.example.test:7").status == 0
    assert living("python3 -c 'import socket,time; s=socket.create_connection((\"www.example.test\",7)); s.sendall(b\"x\"); s.recv(1); "
                  "open(\"/tmp/ready\",\"w\"); s.settimeout(20); s.recv(1)' & for i in $(seq 200); do test -e /tmp/ready && break; sleep 0.05; done; test -e /tmp/ready") == 0
    assert net(living.user, "web", "deny", "www.example.test").status == 0
    began = time.monotonic()
    assert living("wait $!") != 0
    assert time.monotonic() - began < 5


def test_decisions_are_seen(living):
    user = living.user
    living(curl("http://www.example.test/", "-4"))
    living(curl("http://www.other.test/"))
    living(curl(f"http://{World.web}/"))
    entries = [json.loads(line) for line in net(user, "web", "log", "--json").out.splitlines()]
    closed = [one for one in entries if one["event"] == "closed"]
    assert closed[0]["name"] == "www.example.test" and closed[0]["address"] == World.web and closed[0]["port"] == 80
    assert closed[0]["sent"] > 50 and closed[0]["received"] > 50
    assert any(one["event"] == "refused" and one["protocol"] == "dns" and one["name"] == "www.other.test" for one in entries)
    assert any(one["event"] == "refused" and one["protocol"] == "tcp" and one["address"] == World.web for one in entries)
    text = net(user, "web", "log").out
    assert "refused  dns www.other.test: no allow entry names it" in text


def test_the_log_can_be_followed_to_the_end(living):
    follower = living.user.start([living.user.programs.sbx, "net", "web", "log", "-f", "--json"], stdout=subprocess.PIPE)
    living(curl("http://www.other.test/"))
    lines = []
    while not lines or lines[-1]["name"] != "www.other.test":
        lines.append(json.loads(follower.stdout.readline()))
    living.process.stdin.close()
    assert living.process.wait(10) is not None
    follower.stdout.read()
    assert follower.wait(10) == 0


def test_the_control_socket_is_the_owners_alone(living, programs, place):
    socket = next(living.user.registry.rglob("*.net"))
    assert socket.stat().st_mode & 0o777 == 0o600
    assert living("test -e /run/user/$(id -u)/sbx || test -e " + str(socket)) != 0
    outcome = net(living.user, "nobody-of-this-name", "list")
    assert outcome.status == 125


def test_a_sandbox_without_a_filter_says_so(user):
    process = user.start([user.programs.sbx, "run", "-p", "plain", "--name", "none", "--set", "systemd.scope=none", "--", "/bin/sh", "-c", "echo ready; read x"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    assert "has no filtered network" in net(user, "none", "list").error()
    process.stdin.close()
    process.wait(10)


def test_a_thousand_connections_at_once(world, user):  # noqa: F811
    script = """
import resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
address = socket.gethostbyname("www.example.test")
all = [socket.create_connection((address, 7), 20) for _ in range(1000)]
for n, s in enumerate(all): s.sendall(b"%06d" % n)
good = sum(s.recv(6, socket.MSG_WAITALL) == b"%06d" % n for n, s in enumerate(all))
print(good)
"""
    path = user.write("many.py", script)
    outcome = world.shell(user, f"ulimit -n $(ulimit -Hn); exec python3 {path}", *FILTERED, "--allow", "www.example.test:7", "--ro", str(path), timeout=60)
    assert outcome.out == "1000\n", outcome


def test_those_who_say_nothing_or_read_nothing_stop_nobody(world, user):  # noqa: F811
    script = """
import socket, subprocess
address = socket.gethostbyname("www.example.test")
silent = [socket.create_connection((address, 80), 20) for _ in range(100)]
half = []
for _ in range(50):
    s = socket.create_connection((address, 80), 20); s.sendall(b"GET / HT"); half.append(s)
slow = []
for _ in range(20):
    s = socket.create_connection((address, 80), 20)
    s.sendall(b"GET /bytes/100000000 HTTP/1.1\\r\\nHost: www.example.test\\r\\n\\r\\n"); slow.append(s)
print(subprocess.run(["curl", "-sS", "-m", "8", "-o", "/dev/null", "-w", "%{http_code}", "http://www.example.test/"], capture_output=True, text=True).stdout)
"""
    path = user.write("slow.py", script)
    outcome = world.shell(user, f"python3 {path}", *FILTERED, "--allow", "www.example.test:80", "--ro", str(path), timeout=60)
    assert outcome.out == "200\n", outcome


def test_a_gigabyte_each_way_arrives_byte_for_byte(world, user):  # noqa: F811
    size = 1 << 30
    script = f"""
import hashlib, socket, threading
s = socket.create_connection(("www.example.test", 7), 20)
block = bytes(range(256)) * 4096
sent, received, left = hashlib.sha256(), hashlib.sha256(), {size}
def send():
    for n in range({size} // len(block)):
        piece = n.to_bytes(8, "big") + block[8:]
        sent.update(piece); s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send); t.start()
total = 0
while piece := s.recv(1 << 20): received.update(piece); total += len(piece)
t.join()
print(total, sent.digest() == received.digest())
"""
    path = user.write("giga.py", script)
    outcome = world.shell(user, f"python3 {path}", *FILTERED, "--allow", "www.example.test:7", "--ro", str(path), timeout=100)
    assert outcome.out == f"{size} True\n", outcome


def test_a_program_may_use_the_port_as_a_proxy(world, user):  # noqa: F811
    ca = world.directory / "ca.pem"
    script = f"""
import subprocess
def get(*words):
    done = subprocess.run(["curl", "-sS", "-m", "8", "-o", "/dev/null", "-w", "%{{http_code}}", *words], capture_output=True, text=True)
    print(done.returncode, done.stdout)
for proxy in ("http://127.0.0.1:828", "socks5h://127.0.0.1:828"):
    get("-x", proxy, "-o", "/dev/null", "http://www.example.test/", "http://v4.example.test:8080/")
    get("-x", proxy, "--cacert", "{ca}", "https://www.example.test/")
    get("-x", proxy, "http://www.other.test/")
    get("-x", proxy, "https://www.other.test/")
    get("-x", proxy, "http://{World.web}/")
    get("-x", proxy, "-k", "--connect-to", "www.other.test:443:www.example.test:443", "https://www.other.test/")
"""
    path = user.write("proxy.py", script)
    outcome = world.shell(user, f"python3 {path}", *FILTERED, "--allow", "*.example.test", "--ro", str(path), "--ro", str(ca), timeout=60)
    lines = outcome.out.splitlines()
    assert len(lines) == 12, outcome
    for at in (0, 6):
        assert lines[at] == "0 200200" and lines[at + 1] == "0 200", outcome
        assert not any(line.startswith("0 200") for line in lines[at + 2:at + 6]), outcome
    assert lines[2] == "0 403", outcome


def test_groups_are_worked_out_from_what_is_configured(world, user):  # noqa: F811
    user.write(user.make_directory("home/.config/sbx/allow.d") / "mine", "# my own\nwww.example.test:80\n")
    groups = {one["group"]: one for one in net(user, "groups", "--json").json()}
    assert [rule["rule"] for rule in groups["@mine"]["rules"]] == ["www.example.test:80"]
    assert {"@apt", "@cargo", "@git", "@go", "@npm", "@pip", "@mine"} <= set(groups)
    for group in groups.values():
        assert group["rules"] or group["lacking"], group
    assert world.shell(user, curl("http://www.example.test/"), *FILTERED, "--allow", "@mine").status == 0
    assert "did you mean @mine?" in world.shell(user, "true", *FILTERED, "--allow", "@mime").error()


def test_the_git_group_is_the_repositorys_remotes(user):
    for words in (["init", "-q"], ["remote", "add", "origin", "https://www.example.test/x.git"], ["remote", "add", "two", "git@git.example.test:x/y"]):
        assert user.execute(["git", *words]).status == 0
    outcome = net(user, "groups", "@git")
    assert outcome.out.splitlines() == ["@git www.example.test:443  (git remote origin)", "@git git.example.test:22  (git remote two)"]


def test_a_group_that_stands_for_nothing_is_told_with_its_remedy(user):
    outcome = user.execute([user.programs.sbx, "run", "-p", "plain", *FILTERED, "--allow", "@git", "--", "true"])
    assert outcome.status == 125 and "@git stands for nothing here" in outcome.error() and "remote" in outcome.error()


def test_a_rule_for_udp_is_refused(user):
    outcome = user.execute([user.programs.sbx, "run", "-p", "plain", *FILTERED, "--allow", "udp/www.example.test:443", "--", "true"])
    assert outcome.status == 125 and "UDP isn't let through yet" in outcome.error()

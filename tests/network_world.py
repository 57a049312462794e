"""A network of the test's own: a "host", on which sbx runs, and a "world" behind its default route, with DNS, HTTP, TLS
and echo servers at several addresses. Both are network and mount namespaces made here; nothing of the machine's network,
mounts or devices is touched. Needs root.

    world (198.51.100.1, 2001:db8::1)  ←veth→  host (198.51.100.2, 2001:db8::2; also 10.99.0.1, fd99::1)

    from network_world import world   # the fixture
    def test_x(world, caller):
        world.zone({"www.example.test": {"A": [world.web], "AAAA": [world.web6]}})
        world.run(caller, "--net", "private", "--", "curl", "-s", "http://www.example.test/")
"""

import contextlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile

import pytest


SERVERS = pathlib.Path(__file__).with_name("network_servers.py")
LIMIT = 20


class Namespace:
    """A process that holds a network and a mount namespace of its own; ends with the test."""

    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "--kill-child", "--", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.servers = []

    @property
    def pid(self):
        return self.holder.pid

    def enter(self, words):
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--"] + [str(word) for word in words]

    def do(self, *words, check=True):
        return subprocess.run(self.enter(words), check=check, timeout=LIMIT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def serve(self, **setup):
        server = subprocess.Popen(self.enter(["/usr/bin/python3", str(SERVERS), json.dumps(setup)]), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.servers.append(server)
        self.answer(server)
        return server

    @staticmethod
    def answer(server):
        ready, _, _ = select.select([server.stdout], [], [], LIMIT)
        assert ready, "the test's server says nothing"
        return json.loads(server.stdout.readline())

    @classmethod
    def tell(cls, server, **told):
        server.stdin.write(json.dumps(told).encode() + b"\n")
        server.stdin.flush()
        return cls.answer(server)

    def end(self):
        for process in self.servers + [self.holder]:
            with contextlib.suppress(OSError):
                process.stdin.close()
        for process in self.servers + [self.holder]:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            process.stdout.close()


def make_certificates(directory, names):
    """A CA and one certificate for all of `names` (wildcards too)."""
    def openssl(*words):
        subprocess.run(["openssl", *[str(word) for word in words]], check=True, timeout=LIMIT, capture_output=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", directory / "ca.key", "-out", directory / "ca.pem", "-days", 2,
            "-subj", "/CN=Test CA")
    openssl("req", *curve, "-keyout", directory / "server.key", "-out", directory / "server.csr", "-subj", "/CN=test")
    (directory / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    openssl("x509", "-req", "-in", directory / "server.csr", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
            "-CAcreateserial", "-days", 2, "-extfile", directory / "names", "-out", directory / "server.pem")


class World:
    web, web6 = "198.51.100.80", "2001:db8::80"          # HTTP 80 and 8080, TLS 443, echo 7
    other, other6 = "198.51.100.81", "2001:db8::81"      # the same
    resolver, resolver6 = "198.51.100.53", "2001:db8::53"
    metadata = "169.254.169.254"
    host, host6 = "198.51.100.2", "2001:db8::2"          # the host's own
    second, second6 = "10.99.0.1", "fd99::1"             # its own as well, on another device
    host_port = 8081                                     # HTTP on every address of the host, loopback included

    def __init__(self, directory, ipv6=True):
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)
        self.outside = self.inside = None
        self.ipv6 = ipv6
        make_certificates(self.directory, ["*.example.test", "example.test", "*.other.test", "other.test"])
        for name in ("ca.pem",):
            (self.directory / name).chmod(0o644)
        try:
            self.build()
        except BaseException:
            self.end()
            raise

    def build(self):
        self.outside, self.inside = Namespace(), Namespace()
        host, world = self.inside, self.outside
        ip = lambda space, *words: space.do("ip", *words)  # noqa: E731
        # No device exists yet: their link-local addresses work at once.
        for space in (host, world):
            ip(space, "link", "set", "lo", "up")
            space.do("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.dad_transmits=0")
        ip(host, "link", "add", "up0", "type", "veth", "peer", "name", "w0", "netns", str(world.pid))
        ip(host, "link", "add", "side0", "type", "veth", "peer", "name", "side1")
        for address in ("198.51.100.1/24", f"{self.web}/24", f"{self.other}/24", f"{self.resolver}/24", f"{self.metadata}/32"):
            ip(world, "addr", "add", address, "dev", "w0")
        ip(host, "addr", "add", f"{self.host}/24", "dev", "up0")
        ip(host, "addr", "add", f"{self.second}/24", "dev", "side0")
        if self.ipv6:
            for address in ("2001:db8::1", self.web6, self.other6, self.resolver6):
                ip(world, "addr", "add", f"{address}/64", "dev", "w0", "nodad")
            ip(host, "addr", "add", f"{self.host6}/64", "dev", "up0", "nodad")
            ip(host, "addr", "add", f"{self.second6}/64", "dev", "side0", "nodad")
        for space, device in ((host, "up0"), (host, "side0"), (host, "side1"), (world, "w0")):
            ip(space, "link", "set", device, "up")
        ip(host, "route", "add", "default", "via", "198.51.100.1")
        if self.ipv6:
            ip(host, "-6", "route", "add", "default", "via", "2001:db8::1", "dev", "up0")
        certificates = {"certificate": str(self.directory / "server.pem"), "key": str(self.directory / "server.key")}
        dns = [self.resolver] + ([self.resolver6] if self.ipv6 else [])
        self.server = world.serve(http=[80, 8080], tls=[443], echo=[7], dns=dns, **certificates)
        self.stub = host.serve(dns=["127.0.0.53"])
        self.host_server = host.serve(http=[self.host_port], echo=[7])
        # The first packets on a new device are lost to its queue, which comes up late.
        for address in [self.web] + ([f"[{self.web6}]"] if self.ipv6 else []):
            host.do("curl", "-so", "/dev/null", "-m", "10", "--retry", "3", "--retry-all-errors", f"http://{address}/")
        # udev's rules make it 0666; the machine's own node isn't touched.
        host.do("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/dev/net")
        host.do("mknod", "-m", "0666", "/dev/net/tun", "c", "10", "200")
        self.resolv_conf(f"nameserver {self.resolver}\n")

    def resolv_conf(self, text):
        """What the host's /etc/resolv.conf says."""
        path = self.directory / "resolv.conf"
        path.write_text(text)
        path.chmod(0o644)
        if not getattr(self, "bound_", False):
            self.inside.do("mount", "--bind", path, "/etc/resolv.conf")
            self.bound_ = True

    def stub_resolver(self):
        """A resolver on the host's loopback alone, as systemd-resolved has it; answers from the same zone."""
        self.resolv_conf("nameserver 127.0.0.53\noptions edns0 trust-ad\n")

    def zone(self, zone):
        for server in (self.server, self.stub):
            Namespace.tell(server, zone=zone)

    def queries(self):
        return Namespace.tell(self.server, queries=True)["queries"]

    def requests(self):
        return Namespace.tell(self.server, requests=True)["requests"]

    # Running as a caller of the harness, on the test's host.
    def start(self, caller, words, **options):
        before = caller.prefix
        caller.prefix = lambda: self.inside.enter([]) + before()
        try:
            return caller.start(words, **options)
        finally:
            caller.prefix = before

    def execute(self, caller, words, **options):
        before = caller.prefix
        caller.prefix = lambda: self.inside.enter([]) + before()
        try:
            # nsenter gives the working directory of its own mount namespace up.
            return caller.execute(["env", "-C", str(caller.work), *words], **options)
        finally:
            caller.prefix = before

    def run(self, caller, *arguments, profile="plain", scope=False, program=None, **options):
        words = [program or caller.programs.sbx, "run"] + (["--profile", profile] if profile else [])
        if not scope:
            words += ["--set", "systemd.scope=none"]
        return self.execute(caller, words + list(arguments), **options)

    def shell(self, caller, script, *arguments, **options):
        return self.run(caller, *arguments, "--", "/bin/sh", "-c", script, **options)

    def python(self, caller, script, *arguments, **options):
        return self.run(caller, *arguments, "--", "/usr/bin/python3", "-c", script, **options)

    def end(self):
        for space in (self.inside, self.outside):
            if space is not None:
                space.end()


@contextlib.contextmanager
def make_world(**options):
    if os.geteuid() != 0:
        pytest.skip("network namespaces with a network device between them need root")
    directory = tempfile.mkdtemp(prefix="sbx-tests-world-")
    made = None
    try:
        made = World(directory, **options)
        yield made
    finally:
        if made is not None:
            made.end()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_world():
    with make_world() as made:
        yield made


@pytest.fixture
def world(shared_world):
    """The module's one, with a plain zone."""
    shared_world.resolv_conf(f"nameserver {shared_world.resolver}\n")
    shared_world.zone({
        "www.example.test": {"A": [World.web], "AAAA": [World.web6]},
        "v4.example.test": {"A": [World.web]},
        "v6.example.test": {"AAAA": [World.web6]},
        "www.other.test": {"A": [World.other], "AAAA": [World.other6]},
        "big.example.test": {"A": [World.web] + [f"198.51.100.{n}" for n in range(100, 180)]},
    })
    shared_world.queries()
    shared_world.requests()
    return shared_world

"""Seven namespaces of the sandbox's own, each kept where the profile says so; ids, host name and network as asked."""

import os
import socket

import pytest

NEW = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]


def test_seven_namespaces_are_new(caller):
    outside, inside = caller.probe_outside()["ns"], caller.probe()["ns"]
    assert [name for name in NEW if outside[name] == inside[name]] == []
    assert outside["time"] == inside["time"]


@pytest.mark.parametrize("key", ["net", "ipc", "uts", "cgroup"])
def test_callers_namespace_can_be_kept(caller, key):
    outside = caller.probe_outside()["ns"]
    extra = ["--set", "network.mode=host"] if key == "net" else []
    inside = caller.probe("--set", f"namespaces.{key}=false", *extra)["ns"]
    assert inside[key] == outside[key]


@pytest.mark.new_kernel
def test_time_namespace(caller):
    outside, inside = caller.probe_outside()["ns"], caller.probe("--set", "namespaces.time=true")["ns"]
    assert outside["time"] != inside["time"]


def test_root_can_do_without_a_user_namespace(root):
    outside, inside = root.probe_outside(), root.probe("--set", "namespaces.user=false")
    assert outside["ns"]["user"] == inside["ns"]["user"] and inside["ns"]["mnt"] != outside["ns"]["mnt"]
    assert inside["caps"]["effective"] == 0 and inside["caps"]["bounding"] == 0


def test_payload_is_not_pid_1_and_sees_its_own_processes(caller):
    seen = caller.probe()
    assert seen["pid"] == 2 and seen["ppid"] == 1
    assert set(seen["processes"]) <= {"1", "2"}


def test_self_keeps_the_callers_ids(caller):
    seen, outside = caller.probe(), caller.probe_outside()
    assert seen["uid"] == outside["uid"] and seen["gid"] == outside["gid"]


def test_root_and_numbers(caller):
    assert caller.probe("--set", "identity.user=root")["uid"] == [0, 0, 0]
    seen = caller.probe("--set", "identity.user=4242")
    assert seen["uid"] == [4242] * 3 and seen["gid"] == [4242] * 3


def test_supplementary_groups_do_not_come_along(root):
    seen = root.probe(outer=["setpriv", "--groups", "4,5,6", "--"])
    assert not {4, 5, 6} & set(seen["groups"])


def test_host_name(caller):
    assert caller.probe()["hostname"] == "sandbox" != socket.gethostname()
    assert caller.probe("--hostname", "other")["hostname"] == "other"
    assert caller.probe("--set", "identity.hostname=third")["hostname"] == "third"
    assert socket.gethostname() == os.uname().nodename


def test_network_none_has_a_loopback_that_is_up_and_nothing_else(caller):
    outcome = caller.shell("cat /proc/net/dev; python3 -c 'import socket as s; a = s.socket(); a.bind((\"127.0.0.1\", 0)); "
                           "a.listen(); s.create_connection(a.getsockname(), 2); print(\"looped\")'")
    assert "looped" in outcome.out, outcome
    devices = [line.split(":")[0].strip() for line in outcome.out.splitlines() if ":" in line and "|" not in line]
    # Some kernels give each new network namespace tunnel devices too; all are down.
    assert "lo" in devices and not [name for name in devices if name.startswith(("eth", "en", "wl", "veth", "docker"))]


def listener():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    return server, str(server.getsockname()[1])


def test_hosts_loopback_is_out_of_reach(caller):
    server, port = listener()
    with server:
        assert caller.probe_outside(ask=["-t", port])["tcp"][port] == 0
        assert caller.probe(ask=["-t", port])["tcp"][port] != 0


def test_network_host_reaches_it(caller):
    server, port = listener()
    with server:
        assert caller.probe("--set", "network.mode=host", ask=["-t", port])["tcp"][port] == 0


def test_abstract_socket_of_the_host_is_out_of_reach(caller):
    with socket.socket(socket.AF_UNIX) as server:
        name = f"sbx-tests-{os.getpid()}"
        server.bind("\0" + name)
        server.listen(5)
        # The address ends with the name's NUL in the probe; bind the same.
        with socket.socket(socket.AF_UNIX) as padded:
            padded.bind("\0" + name + "\0")
            padded.listen(5)
            assert caller.probe_outside(ask=["-a", name])["abstract"][name] == 0
            assert caller.probe(ask=["-a", name])["abstract"][name] != 0


def test_no_privilege_is_there(caller):
    for identity in ("self", "root"):
        seen = caller.probe("--user", identity)
        assert seen["caps"] == dict.fromkeys(["effective", "permitted", "inheritable", "bounding", "ambient"], 0)
        assert seen["no_new_privs"] == 1 and seen["seccomp"] == 2


def test_kept_capability_is_the_only_one(caller):
    seen = caller.probe("--set", "identity.user=root", "--cap-add", "NET_BIND_SERVICE")
    assert seen["caps"]["effective"] == 1 << 10 and seen["caps"]["bounding"] == 1 << 10


def test_new_user_namespaces_only_where_allowed(caller):
    assert caller.run("--", "unshare", "-U", "true").status != 0
    assert caller.run("--set", "namespaces.nested=true", "--", "unshare", "-U", "true").status == 0

"""A minimal /dev of the sandbox's own, and a /proc of its own processes through which nothing of the host changes."""

import os
import stat

import pytest

NODES = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}


def test_dev_holds_the_minimum_and_no_more(caller):
    seen = caller.probe()
    for name, number in NODES.items():
        assert seen["dev"][name].startswith("c ") and seen["dev"][name].endswith(number), (name, seen["dev"])
    devices = {name for name, what in seen["dev"].items() if what[0] in "cb"}
    assert devices <= set(NODES) | {"console", "ptmx"}, devices
    assert {"shm", "pts", "fd", "stdin", "stdout", "stderr", "ptmx"} <= set(seen["dev"])


def test_dev_works(caller):
    outcome = caller.shell("echo x > /dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 4 /dev/urandom | wc -c && "
                           "touch /dev/shm/x && (echo y > /dev/stdout) | cat && echo z | cat /dev/stdin")
    assert outcome.status == 0 and "y\nz\n" in outcome.out, outcome


def test_nothing_can_be_made_in_dev(caller):
    for name in ("/dev/new", "/dev/null2"):
        assert caller.probe(ask=["-w", name])["write"][name] != 0
    assert caller.shell("mknod /tmp/sda b 8 0 || mknod /tmp/mem c 1 1", "-u", "root").status != 0


def test_devpts_is_its_own(caller):
    script = ("import os, pty; m, s = pty.openpty(); print(os.ttyname(s)); os.write(m, b'typed\\n'); print(os.read(s, 10))")
    outcome = caller.run("--", "/usr/bin/python3", "-c", script)
    assert outcome.status == 0 and "/dev/pts/0" in outcome.out and "typed" in outcome.out, outcome


def device():
    for path in ("/dev/fuse", "/dev/net/tun", "/dev/loop-control", "/dev/kmsg", "/dev/kvm"):
        if os.path.exists(path) and os.stat(path).st_mode & stat.S_IROTH and os.stat(path).st_mode & stat.S_IWOTH:
            return path
    return None


def test_device_that_is_asked_for_is_there(caller):
    path = device()
    if path is None:
        assert caller.run("--device", "/dev/full", "--", "true").status == 0
        return
    outcome = caller.shell(f"test -c {path} && exec 3<>{path} && echo opened", "--device", path)
    assert "opened" in outcome.out, outcome


def test_device_that_is_no_device_is_refused(user):
    plain = user.write("plain", "x")
    outcome = user.run("--device", plain, "--", "true")
    assert outcome.status == 125 and str(plain) in outcome.error(), outcome


def test_absent_device_is_refused(user):
    outcome = user.run("--device", "/dev/no-such-device", "--", "true")
    assert outcome.status == 125 and "/dev/no-such-device" in outcome.error(), outcome


DANGEROUS = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
             "/proc/irq/0/smp_affinity", "/proc/bus/new", "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper",
             "/sys/power/state", "/proc/fs/new", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register"]


@pytest.mark.parametrize("identity", ["self", "root"])
def test_nothing_of_the_host_changes_through_proc_and_sys(caller, identity):
    seen = caller.probe("-u", identity, ask=[word for path in DANGEROUS for word in ("-w", path)])
    assert {path for path, number in seen["write"].items() if number == 0} == set()


def test_secrets_of_the_kernel_are_masked(root):
    paths = ["/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/timer_list", "/proc/kmsg", "/proc/key-users"]
    seen = root.probe("-u", "root", ask=[word for path in paths for word in ("-r", path)])
    outcome = root.shell("wc -c < /proc/keys; head -c 1 /proc/kcore | wc -c; head -c 1 /proc/kmsg | wc -c", "-u", "root")
    assert seen["read"]["/proc/kcore"] != 0 or outcome.out.split()[1] == "0", outcome


def test_proc_shows_own_processes_alone(caller):
    for view in ("masked", "full", "hidepid"):
        outcome = caller.shell("ls /proc | grep -c '^[0-9]'; cat /proc/self/status | grep -c ^Pid",
                               "--set", f"filesystem.proc={view}")
        count, own = (int(word) for word in outcome.out.split())
        assert count <= 4 and own == 1, (view, outcome)


def test_hidepid_hides_other_users(caller):
    outcome = caller.shell("grep ' /proc ' /proc/self/mounts", "--set", "filesystem.proc=hidepid")
    assert "hidepid=" in outcome.out, outcome


def test_masked_is_the_default_and_full_is_a_choice(caller):
    masked = caller.shell("cat /proc/sys/kernel/ostype; echo x > /proc/sys/kernel/domainname; true")
    assert "Linux" in masked.out, masked


def test_payload_cannot_reach_sbx_through_proc(caller):
    """sbx's own file can't be opened for writing through the pid 1 that runs it."""
    outcome = caller.shell("echo x >> /proc/1/exe || echo x > /proc/1/exe; cat /proc/1/mem; ls -l /proc/1/exe; echo over",
                           "-u", "root")
    assert "over" in outcome.out, outcome
    assert caller.programs.sbx.stat().st_size > 10000

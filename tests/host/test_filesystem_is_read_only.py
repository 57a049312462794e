"""The host's system is there to be read, and can't be changed, whoever the payload believes to be."""

import errno
import os

import pytest

import harness

REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}
SYSTEM = ["/", "/etc", "/usr", "/usr/bin", "/var", "/opt", "/etc/passwd", "/boot", "/lib", "/root", "/home"]


@pytest.mark.parametrize("identity", ["self", "root"])
def test_system_cannot_be_written(caller, identity):
    ask = [word for path in SYSTEM for word in ("-w", path)]
    seen = caller.probe("--user", identity, ask=ask)
    assert {path: number for path, number in seen["write"].items() if number not in REFUSED} == {}


def test_system_can_be_read_and_run(caller):
    seen = caller.probe(ask=["-r", "/etc/passwd", "-r", "/usr", "-x", "/bin/sh", "-r", "/etc/resolv.conf"])
    assert seen["read"]["/etc/passwd"] == 0 and seen["read"]["/usr"] == 0 and seen["execute"]["/bin/sh"] == 0


def test_every_mount_is_nosuid_and_nodev(caller):
    for point, mount in harness.parse_mountinfo(caller.probe()["mountinfo"]).items():
        assert "nosuid" in mount["options"], (point, mount)
        # Device nodes are single binds below /dev; devpts needs its devices.
        if not point.startswith("/dev/"):
            assert "nodev" in mount["options"], (point, mount)


def test_every_mount_of_the_host_is_read_only(caller):
    for point, mount in harness.parse_mountinfo(caller.probe()["mountinfo"]).items():
        if mount["type"] not in {"tmpfs", "proc", "devpts", "mqueue"} and not point.startswith("/dev/"):
            assert "ro" in mount["options"] or "ro" in mount["superblock"], (point, mount)


def test_mounts_cannot_be_changed_from_inside(caller):
    for script in ("mount -o remount,bind,rw /", "mount -o remount,rw /usr", "mount -t tmpfs none /tmp", "umount /proc",
                   "umount -l /etc"):
        outcome = caller.shell(script, "--set", "identity.user=root")
        assert outcome.status != 0, (script, outcome)


def test_only_what_was_asked_for_is_writable(caller):
    inside = caller.make_directory("work/inside")
    beside = caller.make_directory("work/beside")
    seen = caller.probe("--rw", inside, "--ro", beside, ask=["-w", str(inside), "-w", str(beside), "-r", str(beside)])
    assert seen["write"] == {str(inside): 0, str(beside): errno.EROFS}
    assert seen["read"][str(beside)] == 0


def test_what_is_written_arrives_with_the_callers_ids(caller):
    inside = caller.make_directory("work/inside")
    outcome = caller.shell(f"echo hello > {inside}/file", "--rw", inside)
    assert outcome.status == 0, outcome
    made = inside / "file"
    assert made.read_text() == "hello\n" and made.stat().st_uid == caller.uid and made.stat().st_gid == caller.gid


def test_temporary_directories_are_the_sandboxs_own(caller):
    outside = caller.write(caller.directory / "outside.txt", "x")
    outcome = caller.shell(f"cat {outside}; touch /tmp/a /var/tmp/b /dev/shm/c && echo made")
    assert outcome.status == 0 and outcome.out == "made\n", outcome
    assert not any(os.path.exists(path) for path in ("/tmp/a", "/var/tmp/b", "/dev/shm/c"))


def test_home_is_private(caller):
    caller.write(caller.home / "secret", "x")
    outcome = caller.shell('ls -A "$HOME"; touch "$HOME/new" && echo made')
    assert outcome.status == 0 and outcome.out.split() == ["made"], outcome
    assert not (caller.home / "new").exists()


def test_submounts_of_a_read_only_tree_are_read_only_too(root):
    below = root.make_directory("work/tree/below")
    script = f'mount -t tmpfs none {below} && touch {below}/there && exec "$@"'
    outer = ["unshare", "-m", "--", "sh", "-c", script, "sh"]
    seen = root.probe("--ro", root.work / "tree", outer=outer, ask=["-w", str(below), "-r", f"{below}/there"])
    assert seen["read"][f"{below}/there"] == 0
    assert seen["write"][str(below)] == errno.EROFS

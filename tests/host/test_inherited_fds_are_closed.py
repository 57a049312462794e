"""Every inherited descriptor is closed but 0-2 and those asked for; closed ones don't shift."""

import os


def test_only_the_standard_three(caller):
    kept = [os.open("/etc/passwd", os.O_RDONLY), os.open("/", os.O_RDONLY | os.O_DIRECTORY)]
    high = os.dup2(kept[0], 900)
    try:
        seen = caller.probe(pass_fds=[*kept, high])
        assert sorted(seen["fds"]) == ["0", "1", "2"], seen["fds"]
    finally:
        for fd in [*kept, high]:
            os.close(fd)


def test_control_the_fds_reach_a_plain_child(caller):
    fd = os.open("/etc/passwd", os.O_RDONLY)
    try:
        assert str(fd) in caller.probe_outside(pass_fds=[fd])["fds"]
    finally:
        os.close(fd)


def test_an_fd_that_is_asked_for_stays(user):
    fd = os.open("/etc/hostname", os.O_RDONLY)
    other = os.open("/etc/passwd", os.O_RDONLY)
    try:
        seen = user.probe("--pass-fd", str(fd), pass_fds=[fd, other])
        assert sorted(seen["fds"]) == sorted(["0", "1", "2", str(fd)]), seen["fds"]
    finally:
        os.close(fd), os.close(other)


def test_pid_1_holds_no_directory_of_the_host(caller):
    """The payload may not look at pid 1's descriptors at all; if it may, nothing there leads outside."""
    outcome = caller.shell("ls -l /proc/1/fd /proc/1/cwd /proc/1/root /proc/1/exe 2>&1; cat /proc/1/fd/*/etc/shadow 2>&1; true",
                           "--set", "identity.user=root")
    assert "root:" not in outcome.out, outcome

"""Each thing that can be wrong with the host, the caller or the profile is told in one line: step, thing, cause, way out."""

import os
import subprocess

import pytest

import harness


def check(outcome, *words, status=125):
    """One line on standard error, of printable characters, with all of `words` in it."""
    assert outcome.status == status, outcome
    line = outcome.error()
    assert len(outcome.err.splitlines()) == 1, outcome
    assert all(character.isprintable() for character in line), outcome
    # A step in brackets at the end, and never a bare errno.
    assert line.endswith("]") and "[" in line and len(line) > 40, outcome
    for word in words:
        assert word.lower() in line.lower(), (word, line)
    assert outcome.out == "", outcome
    return line


# ---- user namespaces refused

def test_user_namespaces_refused_by_sysctl(user):
    """user.max_user_namespaces is per user namespace: 0 in an outer one is what a host with 0 looks like."""
    outer = ["unshare", "-Ur", "--", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
    check(user.run("--", "echo", "started", outer=outer), "max_user_namespaces", "namespace")


def test_user_namespaces_refused_by_a_containers_seccomp(user):
    check(user.run("--", "echo", "started", deny="EPERM:userns"), "seccomp", "namespace")


def test_user_namespaces_refused_in_a_chroot(root):
    """clone(2) refuses CLONE_NEWUSER in a chroot."""
    tree = root.make_directory("work/chroot")
    script = (f'cd {tree}; for d in bin lib lib64 usr etc tmp proc dev; do mkdir $d; [ ! -d /$d ] || mount --rbind /$d $d; done; '
              f'exec chroot --userspec=65534:65534 {tree} "$@"')
    outcome = root.run("--", "echo", "started", outer=["unshare", "-m", "--", "sh", "-c", script, "sh"])
    check(outcome, "chroot", "namespace")


def test_pid_namespaces_refused(user):
    outer = ["unshare", "-Ur", "--", "sh", "-c", 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"', "sh"]
    check(user.run("--", "echo", "started", outer=outer), "max_pid_namespaces")


def test_masked_proc(user):
    """A container's runtime mounts over parts of /proc; a new /proc may not show what these hide."""
    part = next(path for path in ("/proc/acpi", "/proc/fs", "/proc/bus", "/proc/irq") if os.path.isdir(path))
    outer = ["unshare", "-Urmpf", "--mount-proc", "--", "sh", "-c", f'mount -t tmpfs none {part} && exec "$@"', "sh"]
    outcome = user.run("--set", "identity.user=root", "--", "echo", "started", outer=outer)
    check(outcome, "/proc", "mask")


# ---- sources and commands

def test_missing_source(caller):
    for option in ("--ro", "--rw"):
        check(caller.run(option, "/nonexistent/source", "--", "true"), "/nonexistent/source", "No such file")
    check(caller.run("-v", "/nonexistent/volume:/data", "--", "true"), "/nonexistent/volume", "optional")


def test_source_that_cannot_be_reached(user):
    closed = user.make_directory("work/closed/inner").parent
    closed.chmod(0)
    line = check(user.run("--ro", closed / "inner", "--", "true"), "closed")
    assert "Permission denied" in line and not line.strip().endswith("Permission denied")
    closed.chmod(0o755)


def test_symlink_loop_as_source(user):
    (user.work / "loop").symlink_to("loop")
    check(user.run("--ro", user.work / "loop", "--", "true"), "loop")


def test_missing_command(caller):
    check(caller.run("--", "no-such-command-at-all"), "no-such-command-at-all", status=127)
    check(caller.run("--", "/no/such/path"), "/no/such/path", status=127)


def test_command_that_is_not_visible_inside(user):
    """It exists, but not inside: the message says which option shows it."""
    program = user.write("program", "#!/bin/sh\n", 0o755)
    check(user.run("--", program), str(program), "--ro", status=127)


def test_command_that_cannot_be_executed(caller):
    plain = caller.write("plain", "x")
    check(caller.run("--ro", plain, "--", plain), str(plain), "execut", status=126)
    check(caller.run("--", "/etc"), "/etc", status=126)


def test_no_command(user):
    check(user.run("--"), "command")


def test_control_characters_are_escaped(user):
    check(user.run("--", "no\x1b[31msuch\ncommand\x07"), "\\n", status=127)
    check(user.run("--ro", "/no\x1b]0;x\x07/source", "--", "true"), "/no")
    check(user.run("--set", "cgroup.\x1b[2J=1", "--", "true"))
    outcome = user.execute([user.programs.sbx, "run", "--profile", user.profile('a\x1b = 1', "bad.toml"), "--", "true"])
    check(outcome, "bad.toml")


# ---- profiles

def test_absent_profile(user):
    check(user.run("--", "true", profile="untrustd"), "untrustd", "untrusted")
    check(user.run("--", "true", profile="/nonexistent/profile.toml"), "/nonexistent/profile.toml")


def test_unreadable_profile(user):
    profile = user.profile("", "closed.toml")
    profile.chmod(0)
    check(user.run("--", "true", profile=profile), "closed.toml", "Permission denied")


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o664])
def test_profile_that_others_can_write(user, mode):
    profile = user.profile("", "open.toml")
    profile.chmod(mode)
    if mode == 0o664 and user.gid == user.uid:
        # A group of one's own is no other.
        assert user.run("--", "true", profile=profile).status in (125, 127)
        return
    check(user.run("--", "true", profile=profile), "open.toml", "others can write", "chmod")


def test_profile_in_a_directory_that_others_can_write(user):
    directory = user.make_directory("work/open", 0o777)
    profile = user.write(directory / "p.toml", "")
    check(user.run("--", "true", profile=profile), "directory", str(directory), "others can write")


def test_profile_of_another_user(user):
    if os.geteuid() != 0:
        pytest.skip("needs a second user")
    profile = user.profile("", "foreign.toml")
    os.chown(profile, 12345, 12345)
    check(user.run("--", "true", profile=profile), "foreign.toml", "own")


def test_huge_profile(user):
    profile = user.profile("# " + "x" * (2 << 20), "huge.toml")
    check(user.run("--", "true", profile=profile), "huge.toml", "MiB")


@pytest.mark.parametrize("text", ["a = " + "[" * 10000, "a = " + "{b = " * 5000, "[" + "a." * 20000 + "b]\n"],
                         ids=["arrays", "tables", "dotted"])
def test_deeply_nested_profile(user, text):
    check(user.run("--", "true", profile=user.profile(text, "deep.toml")), "deep.toml")


def test_cyclic_profiles(user):
    user.profile('extends = ["two.toml"]', "one.toml")
    two = user.profile('extends = ["./one.toml"]', "two.toml")
    check(user.run("--", "true", profile=two), "one.toml", "two.toml")
    own = user.profile('extends = ["./self.toml"]', "self.toml")
    check(user.run("--", "true", profile=own), "self.toml")


def test_long_chain_of_profiles(user):
    for number in range(40):
        last = user.profile(f'extends = ["./chain{number + 1}.toml"]', f"chain{number}.toml")
    user.profile("", "chain40.toml")
    check(user.run("--", "true", profile=user.directory / "chain0.toml"), "chain", "extend")
    assert last.exists()


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20, b"description = \"a\0b\"\n",
                                     b"description = \"\xff\xfe\"\n"], ids=["elf", "nul", "no-utf-8"])
def test_binary_profile(user, content):
    profile = user.write(user.directory / "binary.toml", content)
    check(user.run("--", "true", profile=profile), "binary.toml")


def test_profile_that_is_no_file(user):
    directory = user.make_directory("work/dir.toml")
    check(user.run("--", "true", profile=directory), "dir.toml")
    fifo = user.directory / "fifo.toml"
    os.mkfifo(fifo)
    user.own(fifo)
    check(user.run("--", "true", profile=fifo), "fifo.toml")
    check(user.run("--", "true", profile="/dev/zero"), "/dev/zero")


# ---- descriptors, disk, limits

@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(caller, closed):
    """The payload finds them closed or on /dev/null, and none of sbx's own files in their place."""
    tree = caller.make_directory("work/tree")
    script = f'"$@" {closed}; echo $? > {tree}/status'
    words = [caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--rw", tree, "--", "sh",
             "-c", f"ls -l /proc/self/fd > {tree}/fds 2>/dev/null; exit 3"]
    caller.execute(words, outer=["sh", "-c", script, "sh"])
    assert (tree / "status").read_text() == "3\n"
    links = [line.split(" -> ")[1] for line in (tree / "fds").read_text().splitlines() if " -> " in line]
    assert all(link.startswith(("/dev/null", "pipe:", "/proc/", f"{tree}/")) for link in links), links


def test_full_disk_for_the_report(root):
    """Written whole or told; never cut short in silence."""
    script = 'mkdir -p small; mount -t tmpfs -o size=4k none small; head -c 4096 /dev/zero > small/fill; exec "$@"'
    outcome = root.run("--report=json:small/report", "--", "true", outer=["unshare", "-m", "--", "sh", "-c", script, "sh"])
    check(outcome, "small/report", "No space left")


def test_full_disk_for_the_output(user):
    outcome = user.execute(["sh", "-c", f'"{user.programs.sbx}" profile list > /dev/full'])
    assert outcome.status != 0 and "No space left" in outcome.err, outcome


def test_full_disk_for_a_placeholder_and_a_cache(root):
    """Caches are a matter of speed: a home that is full or read-only stops nothing."""
    script = 'mount -t tmpfs -o size=4k,ro none "$HOME"; exec "$@"'
    outcome = root.run("--", "echo", "started", outer=["unshare", "-m", "--", "sh", "-c", script, "sh"])
    assert outcome.status == 0 and outcome.out == "started\n" and outcome.err == "", outcome


@pytest.mark.parametrize("count", [4, 5, 6, 8, 10, 12])
def test_few_descriptors(caller, count):
    """With too few it stops in words; with just enough it works. Never a crash, never a half-made sandbox."""
    outcome = caller.run("--", "echo", "started", outer=["prlimit", f"--nofile={count}:{count}", "--"])
    if outcome.status == 0:
        assert outcome.out == "started\n"
    elif "error while loading shared libraries" not in outcome.err:
        check(outcome)


def test_twenty_descriptors_are_enough(caller):
    outcome = caller.run("--", "echo", "started", outer=["prlimit", "--nofile=20:20", "--"])
    assert outcome.status == 0, outcome


def test_low_limit_of_processes(user):
    """RLIMIT_NPROC counts the user's processes; one that is reached stops the launch and is named."""
    outcome = user.run("--", "echo", "started", outer=["prlimit", "--nproc=1:1", "--"])
    if outcome.status != 0:
        check(outcome, "NPROC")


@pytest.mark.parametrize("mebibytes", [8, 16, 24, 32, 48])
def test_low_limit_of_memory(caller, mebibytes):
    if harness.SANITIZED:
        pytest.skip("AddressSanitizer reserves terabytes of address space")
    outcome = caller.run("--", "echo", "started", outer=["prlimit", f"--as={mebibytes << 20}", "--"])
    if outcome.status == 0:
        assert outcome.out == "started\n"
    elif "shared" not in outcome.err:
        assert outcome.status in (125, 126, 127) and outcome.err.count("\n") == 1, outcome


# ---- the caller's surroundings

def test_deleted_working_directory(caller):
    gone = caller.make_directory("work/gone")
    outer = ["sh", "-c", f'rmdir {gone}; exec "$@"', "sh"]
    outcome = caller.run("--", "echo", "started", outer=outer, cwd=gone)
    assert outcome.status == 0 and outcome.out == "started\n", outcome
    again = caller.make_directory("work/again")
    outcome = caller.run("--", "echo", "started", profile="build", cwd=again,
                         outer=["sh", "-c", f'rmdir {again}; exec "$@"', "sh"])
    check(outcome, "directory")


def test_no_home_and_no_runtime_directory(caller):
    outcome = caller.run("--", "echo", "started", env={"HOME": None, "XDG_RUNTIME_DIR": None})
    assert outcome.status == 0 and outcome.out == "started\n" and outcome.err == "", outcome
    for value in ("", "relative", "/nonexistent/home"):
        outcome = caller.run("--", "echo", "started", env={"HOME": value, "XDG_RUNTIME_DIR": value})
        assert outcome.status in (0, 125) and len(outcome.err.splitlines()) <= 1, outcome


def test_home_that_a_profile_needs_and_that_is_not_there(user):
    profile = user.profile('extends = ["plain"]\n[filesystem]\nread = ["$XDG_RUNTIME_DIR/x"]\n')
    check(user.run("--", "true", profile=profile, env={"XDG_RUNTIME_DIR": None}), "XDG_RUNTIME_DIR", "test.toml:3")


def test_uid_without_a_passwd_entry(programs, place):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    stranger = harness.Caller("user", programs, os.path.join(place, "stranger"))
    stranger.uid = stranger.gid = 54321
    stranger.own(stranger.home), stranger.own(stranger.work)
    outcome = stranger.run("--", "echo", "started", env={"USER": None})
    assert outcome.status == 0 and outcome.out == "started\n", outcome
    outcome = stranger.run("--", "echo", "started", env={"USER": None, "HOME": None})
    assert outcome.status == 0, outcome
    stranger.finish()


def test_subids_without_an_entry_are_told(programs, place):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    stranger = harness.Caller("user", programs, os.path.join(place, "stranger"))
    stranger.uid = stranger.gid = 54321
    check(stranger.run("--set", "identity.subids=true", "--", "true"), "subuid")
    stranger.finish()


def test_usage_errors(user):
    for words, named in (([], "sbx"), (["rum"], "run"), (["run", "--profil", "x", "--", "true"], "--profile"),
                         (["run", "--memory", "--", "true"], "memory"), (["run", "-m", "lots", "--", "true"], "lots"),
                         (["run", "--ulimit", "nofile=x", "--", "true"], "nofile"),
                         (["run", "--cap-add", "NO_SUCH", "--", "true"], "NO_SUCH")):
        outcome = user.sbx(*words)
        assert outcome.status != 0 and named in outcome.err + outcome.out, (words, outcome)
        assert "terminate called" not in outcome.err


def test_broken_standard_error_hangs_nothing(user):
    process = user.start([user.programs.sbx, "run", "--profile", "/nonexistent/x.toml", "--", "true"], stderr=subprocess.PIPE)
    process.stderr.close()
    assert process.wait(15) in (125, -13, 141)

"""System calls: foreign numberings, namespaces and mounts, device nodes, handles, set-user-id programs, keyrings, the
terminal."""

import os
import shutil
import stat

import harness
import pytest

DENIED = {"EPERM", "ENOSYS", "SIGSYS"}


def test_foreign_numberings_are_killed(caller, attackers):
    control = attackers.outside(caller, "foreign_calls")
    assert control.reached["int80"] == ["getpid"] and "x32" in control.reached
    attack = attackers.inside(caller, "foreign_calls")
    assert not attack.reached, attack
    assert attack.refused == {"int80": "SIGSYS", "int80-mount": "SIGSYS", "x32": "SIGSYS", "x32-ptrace": "SIGSYS",
                              "huge": "ENOSYS"}


def test_namespaces_and_mounts_are_refused(caller, attackers):
    control = attackers.outside(caller, "namespaces", outer=["unshare", "-rm"])
    assert {"unshare", "unshare-all", "clone", "clone3", "mount-namespace", "mount", "chroot", "fsopen",
            "open-tree"} <= set(control.reached), control
    attack = attackers.inside(caller, "namespaces")
    assert not attack.reached, attack
    assert attack.refused["clone3"] == "ENOSYS"
    assert set(attack.refused.values()) <= DENIED, attack


def test_namespaces_are_refused_with_every_call_allowed(caller, attackers):
    attack = attackers.inside(caller, "namespaces", profile="calls-allowed")
    assert not {"unshare", "unshare-upper-bits", "unshare-all", "clone", "clone3", "setns", "mount", "umount", "remount",
                "pivot", "hostname", "mount-namespace"} & set(attack.reached), attack


def test_a_profile_may_allow_nested_user_namespaces(caller, attackers):
    attack = attackers.inside(caller, "namespaces", sbx=["--set", "namespaces.nested=true"])
    assert {"unshare", "clone"} <= set(attack.reached), attack
    assert not {"mount", "umount", "remount", "chroot"} & set(attack.reached), attack


def test_device_nodes(root, attackers, layers):
    """Made, or left by somebody else in a directory that is bound."""
    directory = root.make_directory("work/nodes", 0o777)
    node = directory / "left"
    os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chmod(node, 0o666)
    control = attackers.outside(root, "mknod", directory, node)
    assert {"memory", "null", "loop", "found"} <= set(control.reached), control
    attack = attackers.inside(root, "mknod", directory, node, sbx=["--rw", directory], profile=layers)
    assert not attack.reached, attack
    attack = attackers.inside(root, "mknod", "/tmp", profile=layers)
    assert not attack.reached, attack


def test_set_user_id_programs_gain_nothing(user, root, attackers, layers):
    if harness.unprivileged_ids()[0] == 0:
        pytest.fail("needs two users")
    directory = root.make_directory("setuid")
    program = directory / "become-root"
    shutil.copy(attackers.path("attack_setuid"), program)
    os.chmod(program, 0o4755)
    control = attackers.outside(user, "setuid", program)
    assert control.reached == {"euid": ["0"]}, control
    attack = attackers.inside(user, "setuid", program, sbx=["--ro", directory], profile=layers)
    assert not attack.reached and set(attack.refused) == {"euid"}, attack


def test_no_set_user_id_program_is_left_behind(caller, attackers, layers):
    """Where the host executes it there is no nosuid: whoever does would become the caller."""
    directory = caller.make_directory("work/left")
    control = attackers.outside(caller, "setuid", "--make", directory)
    ways = {"chmod", "fchmod", "fchmodat", "openat", "open", "creat", "mknod", "openat2", "tmpfile", "fchmod-upper-bits"}
    assert ways <= set(control.reached), control
    attack = attackers.inside(caller, "setuid", "--make", directory, sbx=["--rw", directory], profile=layers)
    assert not attack.reached and ways <= set(attack.refused), attack
    assert os.listdir(directory) == []


def test_files_by_handle(root, attackers):
    secret = root.write(root.directory / "secret", "the-secret-behind-the-handle")
    bound = root.make_directory("work/bound")
    handle = root.execute(attackers.words("handle", [bound, "-", secret])).out.split()
    assert handle[0] == "handle"
    words = [bound, f"{handle[1]}:{handle[2]}"]
    control = attackers.outside(root, "handle", *words)
    assert control.reached["secret"] == ["the-secret-behind-the-handle"], control
    for layers in ("untrusted", "mounts-alone"):
        attack = attackers.inside(root, "handle", *words, sbx=["--rw", bound], profile=layers)
        assert not attack.reached and set(attack.refused) == {"secret", "root-2", "root-128"}, attack


@pytest.mark.parametrize("profile", ["untrusted", "calls-allowed"])
def test_keyrings(caller, attackers, profile):
    plant = [str(attackers.path("attack_keyrings")), "--plant", "sbx-test-key", "--"]
    control = attackers.outside(caller, "keyrings", "sbx-test-key", outer=plant)
    assert control.reached["session"] == ["secret-of-the-keyring"] and "user" in control.reached, control
    attack = attackers.inside(caller, "keyrings", "sbx-test-key", outer=plant, profile=profile)
    assert not {"session", "user", "user-session", "request", "proc-keys"} & set(attack.reached), attack
    if profile == "untrusted":
        assert not attack.reached, attack


class TestTerminal:
    def attack(self, terminal, caller, words):
        made = terminal(caller, words)
        made.wait()
        # What was typed stands in the input queue of the caller's terminal, and would be the next shell's command.
        os.set_blocking(made.slave, False)
        settings = harness.termios.tcgetattr(made.slave)
        settings[3] &= ~harness.termios.ICANON
        harness.termios.tcsetattr(made.slave, harness.termios.TCSANOW, settings)
        try:
            typed = os.read(made.slave, 4096)
        except BlockingIOError:
            typed = b""
        return made.output.decode(errors="replace"), typed

    def test_nothing_is_typed_into_it(self, caller, attackers, terminal):
        program = attackers.path("attack_terminal")
        output, typed = self.attack(terminal, caller, [program])
        if caller.kind == "root":  # the others need dev.tty.legacy_tiocsti
            assert "reached stdin typed" in output and b"injected" in typed, output
        for profile in ("untrusted", "calls-allowed"):
            output, typed = self.attack(terminal, caller, [caller.programs.sbx, "run", "--profile", attackers.profile(caller, profile), "--set",
                                                           "systemd.scope=none", "--ro", program, "-t", "--", program])
            assert "refused stdin " in output and "reached stdin" not in output and "reached tty" not in output, output
            assert "refused stdin-upper-bits EPERM" in output and "reached paste" not in output, output
            assert typed == b"", (profile, typed)

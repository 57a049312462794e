"""Files: the old root, leaked descriptors, sbx's own program, symbolic links swapped while mounts are made, the kernel's
switches."""

import os
import shutil
import time

import harness
import pytest



def test_the_old_root_is_out_of_reach(caller, attackers, layers):
    secret = caller.write(caller.directory / "secret", "content-of-the-old-root")
    shared = caller.make_directory("work/shared")
    words = [secret, "content-of-the-old-root", shared]
    control = attackers.outside(caller, "old_root", *words)
    assert {"direct", "proc", "planted", "climbing"} <= set(control.reached), control
    attack = attackers.inside(caller, "old_root", *words, sbx=["--rw", shared], profile=layers)
    assert not attack.reached, attack
    # The links that were planted lead nowhere on the host either: they are gone.
    assert os.listdir(shared) == []


def test_links_in_a_bound_directory_lead_to_the_sandbox(caller, attackers, layers):
    """Planted before the start, on the very paths that are bound, hidden and written."""
    secret = caller.write(caller.directory / "secret", "content-of-the-old-root")
    tree = caller.make_directory("work/tree")
    for name, target in (("absolute", secret), ("proc", f"/proc/1/root{secret}"), ("relative", "../../../../../../../.." + str(secret))):
        os.symlink(target, tree / name)
    attack = attackers.shell(caller, f"cat {tree}/absolute {tree}/proc {tree}/relative; true", "--rw", tree, profile=layers)
    assert "content-of-the-old-root" not in attack.out, attack
    assert (tree / "absolute").read_text() == "content-of-the-old-root"


def test_hidden_files_stay_hidden_by_other_names(caller, attackers, layers):
    """By another bind, by a bind of a link, named by a link that the sandbox doesn't have, and when directories move."""
    tree = caller.make_directory("work/tree")
    (tree / "sub").mkdir()
    caller.own(tree / "sub")
    key = caller.write(tree / "sub" / "key", "the hidden key")
    os.symlink(tree, caller.directory / "alias")
    look = f"cat {key} /data/sub/key /linked/sub/key {tree}/moved/key; mv {tree}/sub {tree}/moved; cat {tree}/moved/key; mv {tree}/moved {tree}/sub; true"
    control = caller.execute(["sh", "-c", look])
    assert control.out.count("the hidden key") == 2, control
    for name in (key, caller.directory / "alias" / "sub" / "key"):
        attack = attackers.shell(caller, look, "--rw", tree, "-v", f"{tree}:/data", "-v", f"{caller.directory}/alias:/linked",
                                 "--hide", name, profile=layers)
        assert attack.status == 0 and "the hidden key" not in attack.out, (name, attack)
    assert key.read_text() == "the hidden key"


def test_descriptors_do_not_leak(caller, attackers):
    secret = caller.write(caller.directory / "secret", "content-of-a-leaked-file")
    leak = ["sh", "-c", f'exec 5<"{secret}" 7<>"{secret}" 9</ ; exec "$@"', "sh"]
    control = attackers.outside(caller, "fds", "content-of-a-leaked-file", outer=leak)
    assert {"5", "7"} <= set(control.reached["content"]), control
    for layers in ("untrusted", "mounts-alone"):
        attack = attackers.inside(caller, "fds", "content-of-a-leaked-file", outer=leak, profile=layers)
        assert not attack.reached and set(attack.refused) == {"descriptor", "others"}, attack


def test_the_program_of_sbx_is_not_overwritten(caller, attackers, place, layers):
    """The caller owns its copy of sbx, so that only the sandbox keeps the payload from writing it."""
    copy = caller.directory / "own-sbx"
    shutil.copy(caller.programs.sbx, copy)
    os.chmod(copy, 0o755)
    caller.own(copy)
    size = copy.stat().st_size

    # The control: a process of the same user that runs the copy for a moment.
    # By a name of this process's own: the attacker goes by the name, and tests run side by side as one user.
    victim = caller.directory / f"own-victim-{os.getpid()}"
    shutil.copy(attackers.path("victim"), victim)
    os.chmod(victim, 0o755)
    caller.own(victim)
    before = victim.stat().st_size
    attacker = " ".join(map(str, attackers.words("self_exe", [victim.name, 20])))
    control = caller.execute(["sh", "-c", f"{victim} x >/dev/null & v=$!; {attacker} & sleep 0.5; kill $v; wait"])
    assert "reached mark" in control.out and victim.stat().st_size > before, control

    attack = attackers.inside(caller, "self_exe", "own-sbx", 2, profile=layers, program=copy)
    assert not attack.reached, attack
    assert copy.stat().st_size == size


def test_sbx_is_not_made_the_payload(caller, attackers, layers):
    """#!/proc/self/exe: the kernel would run sbx itself inside, where it is an ordinary process, to be opened by its link."""
    copy = caller.directory / "own-sbx"
    shutil.copy(caller.programs.sbx, copy)
    os.chmod(copy, 0o755)
    caller.own(copy)
    size = copy.stat().st_size
    work = caller.make_directory("work/scripts")
    caller.write(work / "again", "#!/proc/self/exe\n", 0o755)
    os.symlink("/proc/self/exe", work / "link")
    caller.write(work / "indirect", f"#!{work}/link\n", 0o755)
    library = attackers.path("attack_preload.so")

    # The control: the library does what it is said to do.
    victim = caller.directory / "sbx-victim"
    shutil.copy(copy, victim)
    caller.own(victim)
    control = caller.execute([victim, "version"], env={"LD_PRELOAD": str(library)})
    assert "reached preload-write" in control.out and victim.stat().st_size > size, control
    assert victim.stat().st_mode & 0o1000

    for payload in (work / "again", work / "indirect", "/proc/self/exe", work / "link"):
        attack = caller.run("--ro", library, "--rw", work, "-e", f"LD_PRELOAD={library}", "--", payload,
                            profile=attackers.profile(caller, layers), program=copy)
        assert copy.stat().st_size == size and copy.stat().st_mode & 0o7777 == 0o755, (payload, attack)
        assert "reached preload-write" not in attack.out, (payload, attack)


class TestSwappedLinks:
    """An attacker who owns a directory swaps part of it for a symbolic link while sbx makes mounts below it."""

    def swapping(self, caller, attackers, tree, victim, seconds):
        (tree / "part").mkdir()
        caller.own(tree / "part")
        os.symlink(victim, tree / "other")
        os.lchown(tree / "other", caller.uid, caller.gid)
        return caller.start(attackers.words("swap", [tree / "part", tree / "other", seconds]),
                            stdout=harness.subprocess.DEVNULL, stderr=harness.subprocess.DEVNULL)

    def test_the_control_is_led_astray(self, caller, attackers):
        tree, victim = caller.make_directory("work/tree"), caller.make_directory("victim")
        self.swapping(caller, attackers, tree, victim, 20)
        for _ in range(20000):
            try:
                (tree / "part" / ".env").touch()
            except OSError:
                pass
            if os.listdir(victim):
                break
        assert os.listdir(victim) == [".env"]

    @pytest.mark.parametrize("options", [
        ("--hide", "{tree}/part/.env"), ("--hide", "{tree}/part/new/.env"), ("--tmpfs", "{tree}/part/tmp"),
        ("-v", "{data}:{tree}/part/bound"), ("-w", "{tree}/part"), ("--rw", "{tree}/part/inner")],
        ids=["hide-absent", "hide-below-absent", "tmpfs", "bind-into", "workdir", "bind-from"])
    def test_sbx_is_not(self, caller, attackers, options):
        tree, victim, data = caller.make_directory("work/tree"), caller.make_directory("victim"), caller.make_directory("data")
        caller.write(victim / "kept", "of the victim")
        caller.write(data / "hello", "data")
        self.swapping(caller, attackers, tree, victim, 60)
        words = [word.format(tree=tree, data=data) for word in options]
        started, end = 0, time.monotonic() + 6 * harness.SLOWNESS
        while time.monotonic() < end:
            # The victim's directory isn't in the sandbox. Whether the run fails or not, nothing of it comes to light and
            # nothing is made in it.
            seen = caller.shell(f"cat {tree}/part/kept {tree}/other/kept {tree}/part/inner/kept kept; true", "--rw", tree, *words)
            assert "of the victim" not in seen.out, (started, seen)
            assert seen.status in (0, 125), seen
            assert os.listdir(victim) == ["kept"], (started, seen)
            started += seen.status == 0
        assert (victim / "kept").read_text() == "of the victim"

    def test_hidden_files_stay_hidden_while_directories_move(self, caller, attackers):
        """The file that was hidden at the start is hidden wherever somebody outside moves it."""
        tree = caller.make_directory("work/tree")
        for name in ("a", "b"):
            (tree / name).mkdir()
            caller.own(tree / name)
        caller.write(tree / "a" / "key", "the hidden key")
        caller.write(tree / "b" / "key", "another file")
        look = f"echo ready; i=0; while [ $i -lt 300 ]; do cat {tree}/a/key {tree}/b/key; i=$((i+1)); done 2>/dev/null; true"
        inside = caller.start([caller.programs.sbx, "run", "--profile", "untrusted", "--set", "systemd.scope=none", "--ro", tree,
                               "--hide", tree / "a" / "key", "--", "sh", "-c", look], stdout=harness.subprocess.PIPE)
        assert inside.stdout.readline() == b"ready\n"
        caller.start(attackers.words("swap", [tree / "a", tree / "b", 30]), stdout=harness.subprocess.DEVNULL)
        seen = inside.communicate(timeout=60)[0]
        assert b"another file" in seen and b"the hidden key" not in seen

    @pytest.mark.parametrize("moved", ["a", "a/key"])
    def test_what_is_to_be_hidden_moves_before_it_is(self, caller, attackers, moved):
        """Between sbx's look at the path and its mounts, for which a debugger makes room, another file gets the name."""
        tree = caller.make_directory("work/tree")
        for name in ("a", "b"):
            (tree / name).mkdir()
            caller.own(tree / name)
        caller.write(tree / "a" / "key", "the hidden key")
        caller.write(tree / "b" / "key", "another file")
        slow = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setpgid", "-e", "inject=setpgid:delay_enter=1500000"]
        words = ["run", "--profile", "plain", "--set", "systemd.scope=none", "--ro", tree, "--hide", tree / "a" / "key",
                 "--", "sh", "-c", f"cat {tree}/*/key"]
        inside = caller.start([*slow, caller.programs.sbx, *words], stdout=harness.subprocess.PIPE, stderr=harness.subprocess.PIPE)
        # Two processes of sbx and strace's: the child is there, and waits.
        harness.wait_for(lambda: len(harness.descendants(inside.pid)) > 1, 10, "the child")
        other = moved.replace("a", "b", 1)
        (tree / moved).rename(tree / "aside")
        (tree / other).rename(tree / moved)
        (tree / "aside").rename(tree / other)
        out, err = inside.communicate(timeout=60)
        assert b"the hidden key" not in out, (out, err)
        assert inside.returncode == 125 and b"it was replaced while the sandbox was made" in err, (out, err)


def test_switches_of_the_kernel(caller, attackers, layers):
    control = attackers.outside(caller, "kernel_files")
    if caller.kind == "root":
        assert {"/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/dev/kmsg", "/etc/shadow", "/proc/iomem",
                "any"} <= set(control.reached), control
    attack = attackers.inside(caller, "kernel_files", profile=layers)
    assert not attack.reached, attack

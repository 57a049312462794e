"""The three kinds of root, the four of home, and tmpfs, bind, symlink and file as the profile says."""

import errno
import os
import shutil

import harness


def test_empty_root_holds_what_was_asked_for_alone(caller):
    profile = caller.profile('[filesystem]\nroot = "empty"\n[seccomp]\nallow = ["@system-service"]\n')
    seen = caller.probe(profile=profile, ask=["-r", "/etc/passwd", "-r", "/usr", "-w", "/"])
    assert seen["read"] == {"/etc/passwd": errno.ENOENT, "/usr": errno.ENOENT} and seen["write"]["/"] != 0
    top = str(caller.programs.probe).split("/")[1]
    assert set(seen["root"]) <= {"dev", "proc", "sys", top, "tmp", "run", "home", "var"}, seen["root"]


def make_root(caller):
    tree = caller.make_directory("work/root")
    for name in ("bin", "etc", "proc", "dev", "tmp", "usr"):
        caller.make_directory(f"work/root/{name}")
    caller.write(tree / "etc/marker", "this root")
    shutil.copy(caller.programs.probe, tree / "bin/probe")
    (tree / "bin/probe").chmod(0o755)
    return tree


def test_directory_root(caller):
    tree = make_root(caller)
    profile = caller.profile(f'[filesystem]\nroot = "{tree}"\n[seccomp]\nallow = ["@system-service"]\n')
    outcome = caller.run("--", "/bin/probe", "-r", "/etc/marker", "-r", "/etc/passwd", "-w", "/etc", "-w", "/bin/probe",
                         profile=profile)
    assert outcome.status == 0, outcome
    seen = outcome.json()
    assert seen["read"] == {"/etc/marker": 0, "/etc/passwd": errno.ENOENT}
    assert all(seen["write"].values()), seen["write"]
    assert sorted(os.listdir(tree)) == ["bin", "dev", "etc", "proc", "tmp", "usr"]


def test_host_root_shows_the_system_not_the_users(caller):
    caller.write(caller.home / "secret", "x")
    seen = caller.probe(ask=["-r", "/usr/bin", "-r", str(caller.home / "secret"), "-r", "/root", "-r", "/etc/shadow"])
    assert seen["read"]["/usr/bin"] == 0
    assert seen["read"][str(caller.home / "secret")] != 0


def test_homes(caller):
    caller.write(caller.home / "mine", "x")
    home = str(caller.home)
    private = caller.shell('ls -A "$HOME"; echo p > "$HOME/p"', "--set", "filesystem.home=private")
    assert private.status == 0 and private.out == "", private
    shown = caller.shell(f"cat {home}/mine", "--set", "filesystem.home=host")
    assert shown.out == "x", shown
    for turn in ("", "kept\n"):
        kept = caller.shell('cat "$HOME/k" 2>/dev/null; echo kept > "$HOME/k"', "--set", "filesystem.home=persistent")
        assert kept.status == 0 and kept.out == turn, kept
    none = caller.shell(f"test -e {home}/mine", "--set", "filesystem.home=none")
    assert none.status == 1, none
    assert sorted(name for name in os.listdir(caller.home) if not name.startswith(".")) == ["mine"]


def test_tmpfs_bind_symlink_and_file(caller):
    tree = caller.make_directory("work/tree")
    caller.write(tree / "file", "data")
    profile = caller.profile(f'''
extends = ["plain"]
[filesystem]
tmpfs = [{{ path = "/scratch", size = "4M" }}]
bind = [{{ source = "{tree}", target = "/data", access = "read" }},
        {{ source = "{tree}", target = "/rw", access = "write" }},
        {{ source = "{tree}/absent", target = "/maybe", optional = true }}]
symlink = [{{ target = "/link", to = "data/file" }}]
file = [{{ path = "/etc/motd.sbx", content = "hello\\n" }}]
''')
    outcome = caller.shell("cat /data/file /link /etc/motd.sbx; readlink /link; echo new > /rw/new; touch /scratch/x; "
                           "touch /data/no; test -e /maybe || echo skipped", profile=profile)
    assert outcome.out == "datadatahello\ndata/file\nskipped\n", outcome
    assert (tree / "new").read_text() == "new\n" and not (tree / "no").exists()
    assert "Read-only" in outcome.err


def test_file_over_one_of_the_hosts(caller):
    outcome = caller.shell("cat /etc/hostname; ls -l /etc/hostname",
                           "--set", 'filesystem.file=[{path="/etc/hostname", content="inside\\n"}]')
    assert outcome.out.startswith("inside\n"), outcome


def test_exec_false_holds(user):
    tree = user.make_directory("work/tree")
    user.write(tree / "program", "#!/bin/sh\necho ran\n", 0o755)
    outcome = user.shell("/data/program", "-v", f"{tree}:/data:ro,noexec")
    assert outcome.status == 126 and "ran" not in outcome.out, outcome


def test_volume_flag(caller):
    tree = caller.make_directory("work/tree")
    caller.write(tree / "file", "data")
    assert caller.shell("cat /data/file", "-v", f"{tree}:/data:ro").out == "data"
    assert caller.shell("echo x > /data/file", "-v", f"{tree}:/data:ro").status != 0
    assert caller.shell("echo x > /data/file", "-v", f"{tree}:/data").status == 0
    assert (tree / "file").read_text() == "x\n"


def test_source_through_a_symlink_is_followed_on_the_host_side_only(caller):
    real = caller.make_directory("work/real")
    caller.write(real / "file", "data")
    link = caller.work / "link"
    link.symlink_to(real)
    caller.own(link)
    assert caller.shell(f"cat {link}/file", "--ro", link).out == "data"


def test_target_cannot_lead_out_through_a_symlink_in_a_writable_tree(caller):
    """A bind's target that passes through a link the payload of an earlier run left stays inside the new root."""
    tree = caller.make_directory("work/tree")
    outside = caller.make_directory("work/outside")
    trap = tree / "trap"
    trap.symlink_to("/etc")
    caller.own(trap)
    outcome = caller.shell("ls /etc | head -n 3", "--rw", tree, "-v", f"{outside}:{trap}/passwd:ro")
    assert outcome.status in (0, 125), outcome
    assert os.readlink(trap) == "/etc"


def test_a_file_can_be_bound(caller):
    file = caller.write("single", "data")
    assert caller.shell(f"cat {file}; echo x > {file}", "--ro", file).out == "data"
    assert caller.shell(f"echo y > {file}", "--rw", file).status == 0
    assert file.read_text() == "y\n"


def test_later_mounts_win_and_nest(caller):
    tree = caller.make_directory("work/tree/inner").parent
    caller.write(tree / "inner" / "file", "data")
    seen = caller.probe("--ro", tree, "--rw", tree / "inner", ask=["-w", str(tree), "-w", str(tree / "inner")])
    assert seen["write"] == {str(tree): errno.EROFS, str(tree / "inner"): 0}
    seen = caller.probe("--rw", tree, "--ro", tree / "inner", ask=["-w", str(tree), "-w", str(tree / "inner")])
    assert seen["write"] == {str(tree): 0, str(tree / "inner"): errno.EROFS}


def test_odd_names(caller):
    for name in ("with space", "with\nnewline", "with\\backslash", "with'quote", "ünïcode", "-dash"):
        tree = caller.make_directory(f"work/{name}")
        caller.write(tree / "file", "data")
        outcome = caller.run("--ro", tree, "-w", tree, "--", "cat", "file")
        assert outcome.out == "data", (name, outcome)


def test_tmpfs_options_are_what_they_say(caller):
    points = harness.parse_mountinfo(caller.probe("--tmpfs", "/scratch:size=4m")["mountinfo"])
    assert "size=4096k" in points["/scratch"]["superblock"], points["/scratch"]
    assert {"nosuid", "nodev"} <= set(points["/scratch"]["options"])

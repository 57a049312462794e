"""What is hidden can't be read, listed or made again, absent paths too; and hiding leaves nothing on the host."""

import os

import pytest


def listing(directory):
    return sorted(os.listdir(directory))


def test_hidden_file_cannot_be_read(caller):
    tree = caller.make_directory("work/tree")
    secret = caller.write(tree / "secret", "password")
    caller.write(tree / "open", "public")
    for access in ("--ro", "--rw"):
        outcome = caller.shell(f"cat {tree}/open; cat {secret}; true", access, tree, "--hide", secret)
        assert "public" in outcome.out and "password" not in outcome.out, outcome
    assert secret.read_text() == "password" and listing(tree) == ["open", "secret"]


def test_hidden_directory_cannot_be_listed(caller):
    tree = caller.make_directory("work/tree")
    keys = caller.make_directory("work/tree/keys", 0o755)
    caller.write(keys / "id", "password")
    for access in ("--ro", "--rw"):
        outcome = caller.shell(f"ls -A {keys}; cat {keys}/id; echo x > {keys}/new; true", access, tree, "--hide", keys)
        assert "id" not in outcome.out.split() and "password" not in outcome.out, outcome
    assert listing(keys) == ["id"]


def test_hidden_path_of_the_system(caller):
    outcome = caller.shell("cat /etc/passwd; true", "--hide", "/etc/passwd")
    assert "root:" not in outcome.out, outcome


@pytest.mark.parametrize("access", ["--ro", "--rw"])
def test_absent_path_stays_absent_and_nothing_is_left(caller, access):
    tree = caller.make_directory("work/tree")
    for name in (".env", "deep/below/.ssh"):
        absent = tree / name
        outcome = caller.shell(f"cat {absent} 2>/dev/null; (mkdir -p {absent.parent} && echo stolen > {absent}); true",
                               access, tree, "--hide", absent)
        assert outcome.status == 0, outcome
        assert not absent.exists()
    # What the payload itself made on a writable tree may be there; what was hidden may not.
    assert access == "--rw" or listing(tree) == []


def test_made_on_the_host_meanwhile_it_is_not_seen(caller):
    tree = caller.make_directory("work/tree")
    script = f"touch {tree}/ready; while [ ! -e {tree}/go ]; do sleep 0.02; done; cat {tree}/.env; true"
    import subprocess
    import harness
    process = caller.start([caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--rw", tree,
                            "--hide", tree / ".env", "--", "sh", "-c", script], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    harness.wait_for(lambda: (tree / "ready").exists() or process.poll() is not None)
    try:
        (tree / ".env").write_text("password")
    except OSError:
        pass
    (tree / "go").touch()
    out, err = process.communicate(timeout=20)
    assert b"password" not in out, (out, err)


def test_hidden_through_a_symlink(caller):
    tree = caller.make_directory("work/tree")
    real = caller.make_directory("work/real")
    secret = caller.write(real / "secret", "password")
    (tree / "link").symlink_to(real)
    outcome = caller.shell(f"cat {tree}/link/secret {secret}; true", "--ro", tree, "--ro", real, "--hide", f"{tree}/link/secret")
    assert "password" not in outcome.out, outcome
    # A link as the hidden path itself: what it points to is hidden, not something beside it.
    (tree / "direct").symlink_to(secret)
    outcome = caller.shell(f"cat {tree}/direct; true", "--ro", tree, "--ro", real, "--hide", f"{tree}/direct")
    assert "password" not in outcome.out, outcome


def test_dangling_symlink_is_not_followed_into_making_files(caller):
    tree = caller.make_directory("work/tree")
    elsewhere = caller.make_directory("work/elsewhere")
    (tree / "dangling").symlink_to(elsewhere / "nothing")
    outcome = caller.shell("true", "--rw", tree, "--hide", tree / "dangling")
    assert outcome.status in (0, 125), outcome
    assert listing(elsewhere) == [] and os.readlink(tree / "dangling") == str(elsewhere / "nothing")


def test_hidden_path_cannot_be_renamed_into_view(caller):
    tree = caller.make_directory("work/tree")
    box = caller.make_directory("work/tree/box")
    secret = caller.write(box / "secret", "password")
    outcome = caller.shell(f"mv {tree}/box {tree}/moved; cat {tree}/moved/secret {secret}; mv {secret} {tree}/out; "
                           f"cat {tree}/out; rm -f {secret}; ln {secret} {tree}/hard; cat {tree}/hard; true",
                           "--rw", tree, "--hide", secret)
    assert "password" not in outcome.out, outcome


def test_a_path_below_a_hidden_one_is_not_shown_by_accident(caller):
    """Which of the two is meant can't be known: it is refused, never guessed."""
    hidden = caller.make_directory("work/tree/hidden")
    shown = caller.make_directory("work/tree/hidden/shown")
    caller.write(hidden / "secret", "password")
    caller.write(shown / "file", "public")
    outcome = caller.shell(f"cat {shown}/file; ls {hidden}; cat {hidden}/secret; true", "--ro", caller.work / "tree",
                           "--hide", hidden, "--ro", shown)
    assert outcome.status == 125 and str(shown) in outcome.error() and "hidden" in outcome.error(), outcome

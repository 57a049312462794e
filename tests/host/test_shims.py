"""`sbx shim`: a wrapper in a program's place runs it under its profile; nothing but wrappers is ever replaced or removed."""

import pytest


@pytest.fixture
def shims(user):
    user.tools = user.make_directory("tools")
    user.bin = user.make_directory("bin")
    user.write(user.tools / "tool", '#!/bin/sh\necho "real $# $1"; ls -A /home 2>/dev/null; exit 3\n', 0o755)
    user.path = {"PATH": f"{user.bin}:{user.tools}:/usr/bin:/bin"}

    def shim(*arguments, **options):
        return user.sbx("shim", *arguments, "--dir", user.bin, env=options.pop("env", user.path), **options)

    user.shim = shim
    user.write(user.programs.profiles / "shimmed.toml",
               f'extends = ["plain"]\n[filesystem]\nread = ["{user.tools}"]\n[systemd]\nscope = "none"\n')
    yield user
    (user.programs.profiles / "shimmed.toml").unlink()


def test_a_wrapped_program_runs_under_its_profile(shims):
    outcome = shims.shim("install", "tool", "--profile", "shimmed")
    assert outcome.status == 0 and outcome.err == "", outcome
    outcome = shims.execute(["tool", "two words"], env=shims.path)
    assert outcome.status == 3 and outcome.out.startswith("real 1 two words"), outcome
    (row,) = shims.shim("list", "--json").json()
    assert row == {"name": "tool", "profile": "shimmed", "program": str(shims.tools / "tool"),
                   "path": str(shims.bin / "tool"), "present": True}
    assert "tool" in shims.shim("list").out
    # Again, with the wrapper first in PATH: it is looked past, and renewed.
    assert shims.shim("install", "tool", "-p", "plain").status == 0
    (row,) = shims.shim("list", "--json").json()
    assert row["program"] == str(shims.tools / "tool") and row["profile"] == "plain"
    assert shims.shim("remove", "tool").status == 0
    assert not (shims.bin / "tool").exists() and sorted(path.name for path in shims.bin.iterdir()) == []


def test_wrappers_of_other_directories_are_looked_past(shims):
    other = shims.make_directory("other")
    path = {"PATH": f"{other}:{shims.path['PATH']}"}
    assert shims.sbx("shim", "install", "tool", "-p", "shimmed", "--dir", other, env=path).status == 0
    assert shims.shim("install", "tool", "-p", "shimmed", env=path).status == 0
    assert str(shims.tools / "tool") in (shims.bin / "tool").read_text()
    outcome = shims.shim("install", str(other / "tool"), "-p", "shimmed", env=path)
    assert outcome.status == 125 and "is a wrapper itself" in outcome.error()


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_what_is_no_wrapper_is_left_alone(shims, kind):
    target = shims.bin / "tool"
    if kind == "file":
        shims.write(target, "mine\n", 0o755)
    elif kind == "link":
        target.symlink_to(shims.tools / "tool")
    else:
        target.mkdir()
    for words in (["install", str(shims.tools / "tool"), "-p", "shimmed"], ["remove", "tool"]):
        outcome = shims.shim(*words)
        assert outcome.status == 125 and "wrapper" in outcome.error(), outcome
    assert (target.read_text() == "mine\n") if kind == "file" else target.is_symlink() == (kind == "link")
    assert [path.name for path in shims.bin.iterdir()] == ["tool"]


def test_path_is_told_of(shims):
    outcome = shims.shim("install", "tool", "-p", "shimmed", env={"PATH": f"{shims.tools}:/usr/bin:/bin"})
    assert outcome.status == 0 and "isn't in PATH" in outcome.error()
    outcome = shims.shim("install", "tool", "-p", "shimmed", env={"PATH": f"{shims.tools}:{shims.bin}:/usr/bin:/bin"})
    assert outcome.status == 0 and f"PATH finds {shims.tools}/tool before" in outcome.error()


def test_mistakes(shims):
    for words, said in ((["install", "tool"], "no profile is named tool"), (["install", "absent", "-p", "plain"], "no program absent"),
                        (["install", "tool", "-p", "absent"], "absent"), (["install", "../tool", "-p", "plain"], "is no program"),
                        (["install"], "no program is named"), (["remove", "absent"], "is no wrapper"),
                        (["remove", "../tools/tool"], "is no wrapper"), (["install", str(shims.programs.sbx), "-p", "plain"], "is sbx itself")):
        outcome = shims.shim(*words)
        assert outcome.status == 125 and said in outcome.error(), (words, outcome)
    assert list(shims.bin.iterdir()) == []


def test_the_programs_own_profile_is_the_default(shims):
    profile = shims.write(shims.programs.profiles / "tool.toml", 'extends = ["shimmed"]\n')
    try:
        assert shims.shim("install", "tool").status == 0
        assert shims.shim("list", "--json").json()[0]["profile"] == "tool"
    finally:
        profile.unlink()


def test_odd_names_are_one_word(shims):
    """Quotes and blanks in the program's path can't end a word of the script."""
    place = shims.make_directory("odd '$(touch made)' \"x\"")
    shims.write(place / "it's", "#!/bin/sh\necho odd\n", 0o755)
    shims.write(shims.programs.profiles / "shimmed.toml",
                f"extends = [\"plain\"]\n[filesystem]\nread = ['''{place}''']\n[systemd]\nscope = \"none\"\n")
    assert shims.shim("install", place / "it's", "-p", "shimmed").status == 0
    outcome = shims.execute([shims.bin / "it's"], env=shims.path)
    assert outcome.out == "odd\n" and not (shims.work / "made").exists(), outcome

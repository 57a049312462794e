"""sbx profile: list, show, check and diff say what is there, what it comes to and what is wrong with it."""

import json

import pytest

SHIPPED = ["base", "untrusted", "build", "shell", "service", "ci"]


def test_list_names_the_shipped_profiles(caller):
    outcome = caller.sbx("profile", "list", "-q")
    assert outcome.status == 0 and set(SHIPPED) <= set(outcome.out.split()), outcome


def test_own_profile_hides_a_shipped_one(user):
    directory = user.home / ".config/sbx/profiles"
    directory.mkdir(parents=True)
    for path in (directory, directory.parent, directory.parent.parent):
        user.own(path)
        path.chmod(0o755)
    user.write(directory / "untrusted.toml", 'description = "Mine"\n')
    outcome = user.sbx("profile", "list", env={"SBX_PROFILE_PATH": f"{directory}:{user.programs.profiles}"})
    assert "Mine" in outcome.out and "shadowed" in outcome.out, outcome
    # The usual search path: the user's own first.
    outcome = user.sbx("profile", "list", env={"SBX_PROFILE_PATH": None})
    assert "Mine" in outcome.out, outcome


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profile_is_shown_and_checked(user, name):
    assert "description" in user.sbx("profile", "show", name).out
    assert user.sbx("profile", "check", name).status == 0
    effective = json.loads(user.sbx("profile", "show", name, "--effective").out)
    assert "filesystem" in effective and "seccomp" in effective


def test_diff_of_a_profile_with_itself_is_empty(user):
    outcome = user.sbx("profile", "diff", "build", "build")
    assert outcome.status == 0 and outcome.out.strip() in ("", "no difference"), outcome


def test_diff_shows_what_differs(user):
    outcome = user.sbx("profile", "diff", "untrusted", "build")
    assert outcome.status == 1 and "filesystem" in outcome.out, outcome


WRONG = {
    '[cgroup]\nmemory.mx = "1G"\n': ("2", "memory.mx", "memory.max"),
    '[filesystem]\nroot = "hots"\n': ("2", "hots", "host"),
    "[namespaces]\nnett = true\n": ("2", "nett", "net"),
    '[seccomp]\nallow = ["@system-servce"]\n': ("2", "@system-servce", "@system-service"),
    '[capabilities]\nkeep = ["NET_BIND_SERVIC"]\n': ("2", "NET_BIND_SERVIC", "NET_BIND_SERVICE"),
    "[rlimits]\nnofile = true\n": ("2", "nofile", ""),
    "[namespaces]\nuser = 1\n": ("2", "user", ""),
    '[limits]\nwall_time = "soon"\n': ("2", "wall_time", ""),
    "[cgroup]\npids.max = -3\n": ("2", "pids.max", ""),
    "[filesystem\nroot = 1\n": ("1", "", ""),
    '[fallback]\naccept = ["landlok"]\n': ("2", "landlok", "landlock"),
    '[environment]\nset = { "A=B" = "x" }\n': ("2", "A=B", ""),
    '[identity]\nuser = "nobody-here"\n': ("2", "nobody-here", ""),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.splitlines()[-1][:40])
def test_wrong_profile_is_told_with_its_place(user, text):
    line, named, meant = WRONG[text]
    profile = user.profile(text, "wrong.toml")
    for outcome in (user.sbx("profile", "check", profile), user.run("--", "true", profile=profile)):
        assert outcome.status != 0, outcome
        said = outcome.err + outcome.out
        assert f"wrong.toml:{line}" in said and named in said and meant in said, outcome


def test_check_tells_of_all_that_is_wrong_at_once(user):
    user.profile('[identity]\nuser = "nobody-here"\nhostname = "a b"\n', "base-of-it.toml")
    profile = user.profile('extends = ["./base-of-it.toml", "nowhere"]\ndescripton = "x"\n[cgroup]\npids.max = -3\n'
                           '[systemd]\nproperties = { RuntimeMaxSec = "soon", Nope = 1 }\n[seccomp]\nallow = ["@nothing"]\n',
                           "./many.toml")
    outcome = user.sbx("profile", "check", "--json", profile)
    assert outcome.status == 1, outcome
    problems = json.loads(outcome.out)[0]["problems"]
    for place, word in (("many.toml:1:", "nowhere"), ("many.toml:2:1", "descripton"), ("many.toml:4:12", "pids.max"),
                        ("base-of-it.toml:2:8", "user"), ("base-of-it.toml:3:12", "hostname"), ("many.toml:6:", "RuntimeMaxSec"),
                        ("many.toml:6:", "Nope"), ("many.toml:8:", "@nothing")):
        assert sum(place in problem and word in problem for problem in problems) == 1, (place, word, problems)
    assert len(problems) == 8, problems
    # run stops at the first, from the top
    assert "descripton" in user.run("--", "true", profile=profile).error()


PENDING = {
    '[desktop]\nwayland = true\n': "desktop",
    '[dbus.session]\ntalk = ["org.freedesktop.Notifications"]\n': "dbus",
    '[filesystem]\noverlay = ["~/project"]\n': "overlay",
}


@pytest.mark.parametrize("text", PENDING, ids=PENDING.values())
def test_what_is_not_built_yet_is_refused_not_ignored(user, text):
    profile = user.profile('extends = ["plain"]\n' + text)
    outcome = user.run("--", "true", profile=profile)
    assert outcome.status == 125 and PENDING[text] in outcome.error(), outcome


def test_set_beats_profiles_and_later_profiles_beat_earlier(user):
    first = user.profile('extends = ["plain"]\n[identity]\nhostname = "first"\n', "first.toml")
    second = user.profile('[identity]\nhostname = "second"\n', "second.toml")
    script = "cat /proc/sys/kernel/hostname"
    assert user.shell(script, profile=first).out == "first\n"
    assert user.shell(script, "--profile", second, profile=first).out == "second\n"
    assert user.shell(script, "--profile", second, "--set", "identity.hostname=third", profile=first).out == "third\n"


def test_lists_append_and_an_item_can_be_taken_away(user):
    tree = user.make_directory("work/tree")
    base = user.profile(f'extends = ["plain"]\n[filesystem]\nread = ["{tree}"]\n', "parent.toml")
    child = user.profile(f'extends = ["parent.toml"]\n[filesystem]\nread = ["!{tree}"]\n', "./child.toml")
    assert user.shell(f"test -d {tree}", profile=base).status == 0
    assert user.shell(f"test -d {tree}", profile=child).status == 1

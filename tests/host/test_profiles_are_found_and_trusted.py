"""Which file a profile's name leads to, who may have written it, and how several become one."""

import json
import os

import pytest


def effective(caller, *names, **options):
    outcome = caller.sbx("profile", "show", "--effective", *names, **options)
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)


def directory_of_profiles(caller, name, **profiles):
    directory = caller.make_directory(name)
    for profile, text in profiles.items():
        caller.write(directory / f"{profile}.toml", text)
    return directory


def test_the_first_directory_wins(user):
    first = directory_of_profiles(user, "first", mine='identity.hostname = "first"\n')
    second = directory_of_profiles(user, "second", mine='identity.hostname = "second"\n', other='identity.hostname = "other"\n')
    env = {"SBX_PROFILE_PATH": f"{first}:{second}"}
    assert effective(user, "mine", env=env)["identity"]["hostname"] == "first"
    assert effective(user, "other", env=env)["identity"]["hostname"] == "other"


def test_a_profile_that_cannot_be_used_is_not_passed_over(user):
    """Else whoever makes the first one unusable chooses the second."""
    first = directory_of_profiles(user, "first", mine="")
    second = directory_of_profiles(user, "second", mine='identity.hostname = "second"\n')
    (first / "mine.toml").chmod(0o666)
    outcome = user.sbx("profile", "show", "mine", env={"SBX_PROFILE_PATH": f"{first}:{second}"})
    assert outcome.status == 125 and "others can write" in outcome.err, outcome
    (first / "mine.toml").unlink()
    (first / "mine.toml").symlink_to("nowhere")
    outcome = user.sbx("profile", "show", "mine", env={"SBX_PROFILE_PATH": f"{first}:{second}"})
    assert outcome.status == 125 and "first/mine.toml" in outcome.err, outcome


def test_a_symlink_is_followed_where_nobody_else_can_turn_it(user):
    target = directory_of_profiles(user, "kept", real='identity.hostname = "real"\n') / "real.toml"
    links = user.make_directory("links")
    (links / "mine.toml").symlink_to(target)
    assert effective(user, links / "mine.toml")["identity"]["hostname"] == "real"
    links.chmod(0o777)
    outcome = user.sbx("profile", "show", links / "mine.toml")
    assert outcome.status == 125 and "links" in outcome.err, outcome
    # A sticky directory lets nobody replace what isn't theirs.
    links.chmod(0o1777)
    assert user.sbx("profile", "show", links / "mine.toml").status == 0


def test_an_extended_profile_is_held_to_the_same_rules(user):
    user.profile("", "open.toml").chmod(0o666)
    profile = user.profile('extends = ["./open.toml"]\n', "top.toml")
    outcome = user.sbx("profile", "show", profile)
    assert outcome.status == 125 and "open.toml" in outcome.err and "others can write" in outcome.err, outcome


def test_names_are_relative_to_the_file_that_extends(user):
    inner = directory_of_profiles(user, "work/inner", one='extends = ["./two.toml"]\n', two='identity.hostname = "two"\n')
    profile = user.profile('extends = ["work/inner/one.toml"]\n', "top.toml")
    assert effective(user, profile, cwd="/")["identity"]["hostname"] == "two", inner
    outcome = user.sbx("profile", "show", user.profile('\nextends = ["nowhere"]\n', "lost.toml"))
    assert outcome.status == 125 and "lost.toml:2:12" in outcome.err and "nowhere" in outcome.err, outcome


def test_what_two_profiles_extend_is_merged_once(user):
    user.profile('identity.hostname = "common"\nseccomp.allow = ["@system-service"]\n', "common.toml")
    one = user.profile('extends = ["./common.toml"]\nidentity.hostname = "one"\n', "one.toml")
    two = user.profile('extends = ["./common.toml"]\nidentity.user = "root"\n', "two.toml")
    both = effective(user, one, two)
    # The common one's host name isn't put back over the one that came between.
    assert both["identity"]["hostname"] == "one" and both["identity"]["uid"] == 0
    assert both["seccomp"]["allow"] == ["@system-service"]
    top = user.profile('extends = ["./one.toml", "./two.toml"]\n', "top.toml")
    assert effective(user, top)["identity"] == both["identity"]


def test_doubling_chains_take_no_time(user):
    """Each of 30 profiles extends the next one twice: 2^30 merges, were each file merged more than once."""
    for number in range(30):
        user.profile(f'extends = ["./twice{number + 1}.toml", "./twice{number + 1}.toml"]\n', f"twice{number}.toml")
    user.profile('identity.hostname = "end"\n', "twice30.toml")
    outcome = user.sbx("profile", "show", user.directory / "twice0.toml", timeout=10)
    assert outcome.status == 0 and '"end"' in outcome.out, outcome


@pytest.mark.parametrize("text", ["[desktop]\nwayland = true\n", '[filesystem]\noverlay = ["~/x"]\n'])
def test_what_is_not_built_yet_is_valid_but_warned_of(user, text):
    profile = user.profile('extends = ["base"]\n' + text)
    outcome = user.sbx("profile", "check", profile)
    assert outcome.status == 0 and "warning" in outcome.out and "not built yet" in outcome.out, outcome


def test_a_scope_property_is_checked_without_a_service_manager(user):
    profile = user.profile('extends = ["base"]\n[systemd]\nproperties = { RuntimeMaxSecc = "5" }\n')
    outcome = user.sbx("profile", "check", profile)
    assert outcome.status == 1 and "test.toml:3" in outcome.out and "RuntimeMaxSec" in outcome.out, outcome


def test_a_root_of_a_user_namespace_can_use_what_root_installed(caller):
    assert os.stat(caller.programs.profiles / "base.toml").st_mode & 0o022 == 0
    assert caller.sbx("profile", "show", "base").status == 0


def test_a_profile_of_limits_alone_is_a_profile_but_no_run(user):
    profile = user.profile('[cgroup]\npids.max = 100\n', "limits.toml")
    assert user.sbx("profile", "check", profile).status == 0
    assert effective(user, profile)["cgroup"]["pids.max"] == 100
    outcome = user.run("--", "true", profile=profile)
    assert outcome.status == 125 and "seccomp.allow is empty" in outcome.err, outcome


def test_the_home_is_not_laid_open_by_building_in_it(user):
    outcome = user.run("--", "true", profile="build", cwd=user.home)
    assert outcome.status == 125 and "home directory" in outcome.err, outcome
    assert user.sbx("profile", "check", "build", cwd=user.home).status == 0

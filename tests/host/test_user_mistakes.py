"""What a user gets wrong is told in one line that names it and says the way out: for each subcommand."""

import json

import pytest

RUN = {
    "run": "there is no command to run",
    "run untrusted": "sbx run -p untrusted",
    "run 'echo several words'": "leave the quotes out",
    "run -p biuld -- true": "did you mean build?",
    "run -v data.txt:/x -- true": "./data.txt",
    "run -v /etc -- true": "SOURCE:TARGET",
    "run --rw /etc:/x -- true": "-v SOURCE:TARGET",
    "run --rw /nonexistent -- true": "command line --rw",
    "run -m lots -- true": "512m",
    "run --cpus much -- true": "0.5",
    "run --memory-swap 1G -- true": "--memory",
    "run --net bridge -- true": "none, private, filtered, learn, host",
    "run --publish 8080 -- true": "8080:8080",
    "run --publish 8080:80 -- true": "network.mode",
    "run -e =1 -- true": "NAME=VALUE",
    "run --env-file nope -- true": "nope: No such file",
    "run --set cgroup.memory.mx=1G -- true": "cgroup.memory.max",
    "run --set cgroup.memory.max -- true": "--set KEY=VALUE",
    "run --ulimit nofil=10 -- true": "rlimits.nofile",
    "run --cap-add NET_RAWW -- true": "CAP_NET_RAW",
    "run --user alice -- true": "self, root or a number",
    "run --name 'a b' -- true": "letters, digits",
    "run --timeout soon -- true": "10min",
    "run --report=xml -- true": "json:FILE",
    "run --status-fd 99 -- true": "no file descriptor 99",
    "run --pass-fd 1 -- true": "from 3",
    "run --accept memroy -- true": "did you mean memory?",
    "run --detach -i -- true": "add -t",
    "run --privileged -- true": "--cap-add",
    "run --memroy 1G -- true": "did you mean --memory?",
    "run -memory 1G -- true": "did you mean --memory?",
    "run -w /nonexistent -- true": "--workdir",
    "run -t -- true": "-t",
}
OTHERS = {
    "rum -- true": "did you mean sbx run?",
    "make": "sbx run -- make",
    "list": "sbx profile list",
    "--profile build": "before a command",
    "profile": "needs a command",
    "profile lst": "sbx profile list",
    "profile list build": "sbx profile show",
    "profile list --jsn": "did you mean --json?",
    "profile show": "sbx profile list",
    "profile show buidl": "did you mean build?",
    "profile show /nonexistent.toml": "/nonexistent.toml",
    "profile show build --set foo=1": "foo",
    "profile check": "FILE.toml",
    "profile diff build": "sbx profile diff A B",
    "profile diff build a b": "sbx profile diff A B",
    "doctor now": "now",
    "doctor --jason": "did you mean --json?",
    "version x": "unexpected word x",
    "help rnu": "did you mean run?",
    "help nonsense-topic": "sbx help keys",
}


@pytest.mark.parametrize("line", [*RUN, *OTHERS])
def test_mistake_is_told_with_the_way_out(user, line):
    user.write("data.txt")
    outcome = user.execute(["sh", "-c", f"exec {user.programs.sbx} {line}"])
    assert outcome.status in (125, 127) and outcome.out == "", outcome
    said = outcome.error()
    assert len(outcome.err.splitlines()) == 1 and {**RUN, **OTHERS}[line] in said, outcome
    assert said.endswith("]"), said


def test_no_words_at_all_print_the_help(user):
    outcome = user.sbx()
    assert outcome.status == 125 and outcome.err.startswith("Usage: sbx "), outcome


def test_check_finds_what_has_no_effect(user):
    profile = user.profile('extends = ["base"]\n[cgroup]\nmemory.max = "1G"\nmemory.high = "2G"\n[environment]\n'
                           'pass = ["X"]\nset = { X = "1" }\n')
    outcome = user.sbx("profile", "check", "--json", profile)
    found = json.loads(outcome.out)
    assert outcome.status == 0 and found[0]["ok"], outcome
    assert any("memory.high" in warning for warning in found[0]["warnings"]), found


def test_a_limit_of_the_command_line_is_not_lost_in_silence(user):
    """The profile accepts the loss of its own limits; one that was typed must hold or stop the launch."""
    outcome = user.sbx("run", "--scope", "none", "-m", "100M", "--", "echo", "ran")
    assert outcome.status == 125 and "--accept memory" in outcome.error() and outcome.out == "", outcome
    outcome = user.sbx("run", "--scope", "none", "-m", "100M", "--accept", "memory", "--", "echo", "ran")
    assert outcome.status == 0 and outcome.out == "ran\n" and "memory" in outcome.error(), outcome


def test_command_starts_where_the_caller_is_if_that_is_shown(user):
    assert user.sbx("run", "--ro", ".", "--", "pwd").out == f"{user.work}\n"
    assert user.sbx("run", "--", "pwd").out == f"{user.home}\n"


def test_read_only_and_clear_env(user):
    outcome = user.sbx("run", "-p", "build", "--read-only", "--", "touch", "made")
    assert outcome.status == 1 and not (user.work / "made").exists(), outcome
    outcome = user.sbx("run", "--clear-env", "-e", "A=1", "--", "env", env={"LANG": "C"})
    assert "A=1" in outcome.out.split() and "LANG=C" not in outcome.out.split(), outcome


def test_payload_keeps_its_own_options(user):
    assert "Usage: ls" in user.sbx("run", "ls", "--help").out
    assert user.sbx("run", "--", "echo", "--", "-p", "x").out == "-- -p x\n"


def test_filters_are_kept_in_the_runtime_directory_if_there_is_one(caller):
    runtime = caller.make_directory("runtime", 0o700)
    assert caller.sbx("run", "--", "true", env={"XDG_RUNTIME_DIR": str(runtime)}).status == 0
    assert [path.suffix for path in (runtime / "sbx/filters").iterdir()] == [".bpf"]
    absent = caller.directory / "absent"
    assert caller.sbx("run", "--", "true", env={"XDG_RUNTIME_DIR": str(absent)}).status == 0
    assert not absent.exists()


def test_report_follows_no_symlink_that_a_command_left(user):
    """A command that may write the directory could lead the next report into a file of the caller's."""
    mine = user.write(user.home / "mine", "precious\n")
    script = f"ln -s {mine} report.json"
    assert user.sbx("run", "--rw", ".", "--", "sh", "-c", script).status == 0
    outcome = user.sbx("run", "--rw", ".", "--report=json:report.json", "--", "true")
    assert outcome.status == 125 and "symbolic link" in outcome.error(), outcome
    assert mine.read_text() == "precious\n"


def test_explain_writes_no_report(user):
    assert user.sbx("run", "--explain", "--report=json:report.json", "--", "true").status == 0
    assert not (user.work / "report.json").exists()

"""sbx exec: one more command in a running sandbox, confined as its own is, and nothing of the caller's goes with it."""

import json
import random
import re
import signal

import pytest

import harness

pytestmark = pytest.mark.new_kernel  # a running sandbox is found by pidfd_open

WAIT = 'until "$SBX" exec "$1" -- true 2>/dev/null; do n=$((n+1)); test $n -lt 400 || exit 99; sleep 0.02; done; '


# For a shell inside, within double quotes: says whether a process `sleep NUMBER` runs there.
LOOK = r"for f in /proc/[0-9]*/cmdline; do test \"\$(tr '\\0' ' ' 2>/dev/null <\$f)\" = 'sleep NUMBER ' && echo found; done 2>/dev/null; true"


def script(caller, text, *options, payload="exec sleep 60", name="box", profile="plain"):
    """Words of a shell that runs a sandbox in the background and `text` beside it: one process tree, since a user namespace
    that one of the callers has is its own. $SBX is sbx, $1 the sandbox's name."""
    begin = [str(caller.programs.sbx), "run", "--profile", str(profile), "--set", "systemd.scope=none", "--name", name,
             *map(str, options), "--", "sh", "-c", payload]
    head = 'SBX="$2"; shift 2; "$SBX" "$@" </dev/null & launcher=$!; set -- ' + name + '; n=0; ' + WAIT
    foot = '; kill $launcher 2>/dev/null; wait $launcher 2>/dev/null; exit $status'
    return ["sh", "-c", head + text + "; status=$?" + foot, "sh", name, str(caller.programs.sbx), *begin[1:]]


def beside(caller, text, *options, **more):
    keys = {key: more.pop(key) for key in ("payload", "name", "profile") if key in more}
    return caller.execute(script(caller, text, *options, **keys), **more)


def test_status_and_output(caller):
    outcome = beside(caller, '"$SBX" exec $1 -- sh -c "echo out; echo err >&2; exit 7"')
    assert outcome.status == 7 and outcome.out == "out\n" and outcome.err == "err\n", outcome


def test_input_and_pipes_are_byte_exact(caller):
    content = bytes(range(256)) * 4096
    outcome = beside(caller, '"$SBX" exec -i $1 -- cat', input=content)
    assert outcome.status == 0 and outcome.stdout == content, outcome.err


@pytest.mark.parametrize("command, status, said", [("nosuchcommand", 127, "nosuchcommand"), ("/etc/passwd", 126, "/etc/passwd"),
                                                   ("sh -c 'kill -TERM $$'", 143, "")])
def test_statuses_are_those_of_run(user, command, status, said):
    outcome = beside(user, f'"$SBX" exec $1 -- {command}')
    assert outcome.status == status and said in outcome.err, outcome


def test_what_is_missing_is_said(user):
    none = user.sbx("exec", "nobody", "--", "true")
    assert none.status == 125 and "nobody" in none.error() and "sbx run" in none.error(), none
    assert "COMMAND" in user.sbx("exec", "nobody").error()
    assert "SANDBOX" in user.sbx("exec").error()


def test_it_is_the_same_sandbox(caller):
    """Namespaces, ids, capabilities, filter, Landlock, limits, environment, umask: as the first command has them."""
    probe = caller.programs.probe
    options = ["--ro", probe, "-e", "GIVEN=value", "--ulimit", "nofile=123:456", "--rw", caller.work]
    first = caller.work / "first.json"
    outcome = beside(caller, f'"$SBX" exec $1 -- {probe}', *options, payload=f"umask 022; {probe} > {first}; exec sleep 60")
    assert outcome.status == 0, outcome
    one, other = json.loads(first.read_text()), outcome.json()
    for key in ("uid", "gid", "groups", "no_new_privs", "seccomp", "dumpable", "umask", "caps", "ns", "uid_map", "gid_map", "setgroups",
                "cgroup", "mountinfo", "net_dev", "hostname", "domainname", "signals_blocked", "signals_ignored", "rlimits",
                "controlling_terminal", "cwd"):
        assert one[key] == other[key], key
    variables = {"OLDPWD", "PWD", "SHLVL", "_"}  # a shell's own
    names = lambda report: {entry for entry in report["env"] if entry.split("=")[0] not in variables}
    assert names(one) == names(other) and "GIVEN=value" in other["env"]
    filters = lambda report: re.search(r"Seccomp_filters:\s*(\d+)", report["status"])
    assert filters(one) is None or filters(one)[1] == filters(other)[1]


def test_nothing_of_the_callers_goes_in(caller):
    probe = caller.programs.probe
    outcome = beside(caller, f'exec 7</etc/passwd 9>&1; cd /; umask 077; SECRET=secret "$SBX" exec $1 -- sh -c "umask; pwd; env; ls /proc/self/fd; {probe}"',
                     "--ro", probe)
    lines = outcome.out.splitlines()
    assert outcome.status == 0 and lines[0] == "0022" and lines[1] != "/", outcome
    assert "secret" not in outcome.out
    assert lines[-5:-1] == ["0", "1", "2", "3"], outcome  # 3 is ls' own
    report = json.loads(lines[-1])
    assert report["controlling_terminal"] == 0, report


def test_environment_and_workdir(user):
    outcome = beside(user, '"$SBX" exec -e A=1 -e B -e NONE -e HOME=/x -w /usr/bin $1 -- sh -c \'echo "$A $B ${NONE-unset} $HOME $PWD"\'',
                     env={"B": "2"})
    assert outcome.status == 0 and outcome.out == "1 2 unset /x /usr/bin\n", outcome
    absent = beside(user, '"$SBX" exec -w /absent $1 -- true')
    assert absent.status == 125 and "/absent" in absent.err, absent


def test_it_shares_what_the_first_command_made(caller):
    outcome = beside(caller, '"$SBX" exec $1 -- sh -c "until test -s /tmp/made; do sleep 0.02; done; cat /tmp/made; kill -USR1 2; '
                             'for i in 1 2 3 4 5 6 7 8 9; do test -e /tmp/heard && exit 0; sleep 0.1; done; exit 1"',
                     payload="trap 'echo > /tmp/heard' USR1; echo shared > /tmp/made; while :; do sleep 0.02; done")
    assert outcome.status == 0 and outcome.out == "shared\n", outcome


def test_many_at_once(user):
    outcome = beside(user, 'for i in 1 2 3 4 5 6 7 8; do "$SBX" exec $1 -- sh -c "echo $i" & pids="$pids $!"; done; wait $pids')
    assert sorted(outcome.out.split()) == list("12345678"), outcome


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_signals_are_forwarded(user, name):
    outcome = beside(user, f'"$SBX" exec $1 -- sh -c "trap \'echo got; exit 9\' {name}; echo ready; while :; do sleep 0.02; done" & joined=$!; '
                           f'sleep 0.5; kill -{name} $joined; wait $joined')
    assert outcome.status == 9 and outcome.out == "ready\ngot\n", outcome


def test_it_ends_with_the_sandbox_and_says_so(caller):
    outcome = beside(caller, '"$SBX" exec $1 -- sleep 60', payload="sleep 1; exit 0")
    assert outcome.status == 137 and "box has ended" in outcome.error(), outcome
    assert outcome.seconds < 20


def test_it_ends_with_a_sandbox_that_shares_the_pid_namespace(user):
    outcome = beside(user, '"$SBX" exec $1 -- sleep 60', "--set", "namespaces.pid=false", payload="sleep 1; exit 0")
    assert outcome.status == 137 and "box has ended" in outcome.err, outcome


@pytest.mark.parametrize("pid", ["true", "false"])
def test_its_command_ends_when_sbx_is_killed(caller, pid):
    number = str(random.randrange(10**8, 10**9))  # tests beside this one do the same
    look = f'"$SBX" exec $1 -- sh -c "{LOOK.replace("NUMBER", number)}"'
    outcome = beside(caller, f'"$SBX" exec $1 -- sleep {number} & joined=$!; sleep 0.4; {look}; kill -KILL $joined; wait $joined; sleep 0.3; echo killed; {look}',
                     "--set", f"namespaces.pid={pid}")
    assert outcome.out == "found\nkilled\n", outcome


def test_orphans_of_the_command_stay_until_the_sandbox_ends(user):
    outcome = beside(user, f'"$SBX" exec $1 -- sh -c "sleep 54321 >/dev/null 2>&1 &"; "$SBX" exec $1 -- sh -c "{LOOK.replace("NUMBER", "54321")}"')
    assert outcome.out == "found\n", outcome  # that they end is seen by the check after each test


def test_a_terminal(caller, terminal):
    line = terminal(caller, script(caller, '"$SBX" exec $1 -- sh -c "tty; stty size; exit 5"'), rows=41, columns=133)
    line.expect("/dev/pts/[0-9]+")
    line.expect("41 133")
    assert line.wait() == 5
    assert line.settings() == line.before


def test_keys_of_a_terminal(user, terminal):
    line = terminal(user, script(user, '"$SBX" exec -t $1 -- sh -c "trap \'echo caught; exit 7\' INT; echo ready; while :; do sleep 0.05; done"'))
    line.expect("ready")
    line.type("\x03")
    line.expect("caught")
    assert line.wait() == 7


def test_stop_and_resume_on_a_terminal(user, terminal):
    """^Z stops sbx exec as it would stop the command; fg goes on."""
    start = script(user, "set -m; \"$SBX\" exec $1 -- sh -c 'echo ready; read line; echo got $line'; echo stopped $?; fg >/dev/null")
    line = terminal(user, start)
    line.expect("ready")
    line.type("\x1a")
    line.expect("stopped 1[0-9][0-9]")
    line.type("text\n")
    line.expect("got text")
    assert line.wait() == 0


def test_a_terminal_that_is_no_terminal(user):
    outcome = beside(user, '"$SBX" exec -t $1 -- true </dev/null')
    assert outcome.status == 125 and "terminal" in outcome.err, outcome


def test_kept_capabilities(user):
    probe = 'grep CapEff /proc/self/status'
    outcome = beside(user, f'"$SBX" exec $1 -- {probe}', "--cap-add", "NET_BIND_SERVICE")
    assert outcome.status == 0 and outcome.out.split()[1] == "0000000000000400", outcome


def test_subordinate_ids(user):
    outcome = beside(user, '"$SBX" exec $1 -- sh -c "id -u; cat /proc/self/uid_map"', "--set", "identity.subids=true")
    assert outcome.status == 0 and len(outcome.out.splitlines()) > 2, outcome


@pytest.mark.parametrize("step", ["clone-init", "join-cgroup", "join-namespaces", "set-ids", "landlock", "seccomp", "exec", "join-keyring"])
def test_a_step_that_fails_stops_it(user, step):
    outcome = beside(user, f'SBX_FAULT={step} {user.programs.faulty} exec $1 -- echo started')
    assert outcome.status == (126 if step == "exec" else 125) and "started" not in outcome.out and f"[{step}]" in outcome.err, outcome


def test_right_after_the_start(user):
    """The way in is made a moment after the start: exec waits for it."""
    for _ in range(5):
        outcome = user.execute(["sh", "-c", f'{user.programs.sbx} run --profile plain --set systemd.scope=none --name soon -- sh -c "echo up; exec sleep 30" > up & launcher=$!; '
                                            f'until test -s up; do :; done; {user.programs.sbx} exec soon -- echo in; status=$?; kill $launcher; wait $launcher; rm up; exit $status'])
        assert outcome.status == 0 and outcome.out == "in\n", outcome


def test_another_users_sandbox_is_not_there(root, user):
    """Each user has a registry of its own."""
    process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--name", "theirs", "--", "sleep", "60"])
    harness.wait_for(lambda: any(user.registry.glob("*.json")), what="the entry")
    outcome = root.sbx("exec", "theirs", "--", "true")
    assert outcome.status == 125 and "theirs" in outcome.error(), outcome
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def test_a_launcher_that_is_stopped_is_no_hindrance(user):
    outcome = beside(user, 'kill -STOP $launcher; "$SBX" exec $1 -- echo in; status=$?; kill -CONT $launcher; (exit $status)')
    assert outcome.status == 0 and outcome.out == "in\n", outcome


def test_a_payload_that_never_rests_can_be_entered(user, terminal):
    line = terminal(user, ["sh", "-c", f"{user.programs.sbx} run -t --profile plain --set systemd.scope=none --name busy -- yes"])

    def entered():
        line.read(0.01)
        line.output = b""
        return any(user.registry.glob("*.details.json"))

    harness.wait_for(entered, what="the way in")
    outcome = user.sbx("exec", "busy", "--", "echo", "in")
    assert outcome.status == 0 and outcome.out == "in\n", outcome

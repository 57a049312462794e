"""What a payload can do to a command that joins its sandbox, with the same ids, while that is half-way in; and what that
command can do to others."""

import json

import pytest

# Seen, and stopped where no Landlock scope is in the way: that hinders it, and gives nothing.
HARMLESS = {"caught", "stop"}
WAYS = {"attach", "seize", "mem", "vm-read", "environ", "maps", "exe", "cwd", "root", "fd", "get-fd", "namespace", "cmdline",
        "raise-limits"}


def lie_in_wait(caller, attackers, text, *options, profile="untrusted", more=()):
    """Runs `text`, a shell's, beside a sandbox whose first command is the attacker; what that prints, and what text does."""
    attacker = attackers.path("attack_joiner")
    words = [caller.programs.sbx, "run", "--profile", attackers.profile(caller, profile), "--set", "systemd.scope=none", "--name", "box",
             "--ro", attacker, *options, "--", attacker, "sbx", 20, "first-half", "second-half", *more]
    head = ('SBX=$1; shift; mkfifo input; exec 8<>input; "$SBX" "$@" <input >attack 2>errors & launcher=$!; n=0; '
            'until grep -q ready attack; do n=$((n+1)); test $n -lt 500 || exit 99; sleep 0.02; done; ')
    foot = '; echo over >&8; wait $launcher; cat errors >&2; cat attack'
    outcome = caller.execute(["sh", "-c", head + text + foot, "sh", caller.programs.sbx, *map(str, words[1:])], timeout=90)
    assert outcome.status == 0, outcome
    return outcome


def parse(outcome):
    reached, refused = {}, set()
    for line in outcome.out.splitlines():
        words = line.split()
        if words[:1] == ["reached"]:
            reached[words[1]] = words[2:]
        elif words[:1] == ["refused"]:
            refused.add(words[1])
    return reached, refused


def test_the_attacker_reaches_a_neighbour(user, attackers):
    """The control: a process of the same user, which sleeps, is wide open to it, on the host."""
    attacker = attackers.path("attack_joiner")
    outcome = user.execute(["sh", "-c", f'mkfifo input; exec 8<>input; {attacker} sleep 20 first-half second-half <input >attack & attacker=$!; '
                                        'until grep -q ready attack; do sleep 0.02; done; for i in 1 2 3; do sleep 0.3; done; '
                                        'echo over >&8; wait $attacker; cat attack'])
    reached, _ = parse(outcome)
    assert {"caught", "stop", "attach", "mem", "vm-read", "environ", "maps", "exe", "cwd", "root", "fd", "get-fd", "namespace"} <= set(reached), outcome


def test_one_that_joins_is_out_of_reach(caller, attackers, layers):
    outcome = lie_in_wait(caller, attackers, 'for i in $(seq 40); do "$SBX" exec -e TOKEN=first-halfsecond-half box -- /bin/true; done',
                          "--set", "filesystem.proc=masked", profile=layers)
    reached, refused = parse(outcome)
    assert "caught" in reached, outcome  # or it proves nothing
    assert set(reached) <= HARMLESS and WAYS <= refused, outcome


def test_one_that_joins_a_shared_pid_namespace_is_out_of_reach(user, attackers):
    outcome = lie_in_wait(user, attackers, 'for i in $(seq 20); do "$SBX" exec -e TOKEN=first-halfsecond-half box -- /bin/true; done',
                          "--set", "namespaces.pid=false", profile="mounts-alone", more=["alone"])
    reached, _ = parse(outcome)
    assert "caught" in reached, outcome
    # The sbx of the user's that runs outside shows its command line as any process does; nothing else.
    assert set(reached) <= HARMLESS | {"cmdline"}, outcome


def test_one_that_joins_is_not_even_seen(user, attackers):
    """With filesystem.proc = "hidepid", as the shipped profile has it: what isn't dumpable isn't shown (proc(5))."""
    reached, refused = parse(lie_in_wait(user, attackers, 'for i in $(seq 20); do "$SBX" exec box -- /bin/true; done'))
    assert not reached and WAYS <= refused, reached


def test_a_payload_that_stops_it_does_not_hold_sbx(user, attackers):
    """^C is heard while the command is still on its way in."""
    outcome = user.execute(["sh", "-c", 'SBX=$1; "$SBX" run --profile plain --set landlock.mode=off --set systemd.scope=none --name box -- sh -c \''
                            'while :; do for p in /proc/[0-9]*; do test "$(cat $p/comm)" = sbx && kill -STOP ${p#/proc/}; done; done 2>/dev/null\' & launcher=$!; '
                            'n=0; until ls "$SBX_RUNTIME_DIR"/*.details.json >/dev/null 2>&1; do n=$((n+1)); test $n -lt 200 || exit 99; sleep 0.02; done; '
                            'for i in 1 2 3 4 5; do "$SBX" exec box -- true & joined=$!; sleep 0.5; kill -TERM $joined; wait $joined; echo $?; done; '
                            'kill -KILL $launcher; wait', "sh", user.programs.sbx], timeout=60)
    assert len(outcome.out.split()) == 5, outcome
    assert set(outcome.out.split()) <= {"0", "125", "143"} and outcome.seconds < 30, outcome


def inside(caller, attackers, name, *arguments, options=(), profile="untrusted"):
    """The attackers of the other tests, run by exec rather than as the first command."""
    words = attackers.words(name, arguments)
    run = ["run", "--profile", attackers.profile(caller, profile), "--set", "systemd.scope=none", "--name", "box", "--ro", words[0], *options,
           "--", "sleep", "60"]
    text = ('SBX=$1; shift; n=$1; shift; i=0; set --; . ./words; "$SBX" "$@" </dev/null & launcher=$!; '
            'until "$SBX" exec box -- true 2>/dev/null; do i=$((i+1)); test $i -lt 300 || exit 99; sleep 0.02; done; '
            '. ./attack; "$SBX" exec box -- "$@"; status=$?; kill $launcher; wait $launcher; exit $status')
    quote = lambda items: "set -- " + " ".join("'" + str(item).replace("'", "'\\''") + "'" for item in items) + "\n"
    caller.write("words", quote(run))
    caller.write("attack", quote(words))
    outcome = caller.execute(["sh", "-c", text, "sh", caller.programs.sbx, "0"], timeout=60)
    assert outcome.status == 0, outcome
    return parse(outcome)


@pytest.mark.parametrize("attack, arguments", [("namespaces", ()), ("kernel_files", ()),
                                               ("environ", ("first-half", "second-half"))])
def test_attacks_by_a_command_that_joined(caller, attackers, layers, attack, arguments):
    """It is where the first command is, and no further: what is refused to the one is refused to the other."""
    reached, refused = inside(caller, attackers, attack, *arguments, profile=layers)
    control = attackers.inside(caller, attack, *arguments, profile=layers)
    assert set(reached) == set(control.reached) and refused == set(control.refused), (reached, refused, control)

"""The sandbox ends when the payload does, whatever processes it leaves behind; zombies are reaped meanwhile."""

import subprocess
import time


def test_background_process_does_not_hold_the_end(caller):
    begin = time.monotonic()
    # The orphan holds no pipe of ours: the end is sbx's own.
    outcome = caller.shell("setsid sleep 61 >/dev/null 2>&1 </dev/null & sleep 0.1; exit 5")
    assert outcome.status == 5 and time.monotonic() - begin < 10, outcome


def test_orphan_that_holds_the_output_does_not_hold_the_end(caller):
    outcome = caller.shell("(setsid sleep 62 &) ; sleep 0.1; exit 5")
    assert outcome.status == 5 and outcome.seconds < 10, outcome


def test_orphans_that_ignore_signals_die(caller):
    outcome = caller.shell("for i in 1 2 3 4 5; do (trap '' TERM HUP INT; setsid sleep 63 &) ; done; sleep 0.1; exit 5")
    assert outcome.status == 5 and outcome.seconds < 10, outcome


def test_orphans_die_without_a_pid_namespace(user):
    """Nothing but init, which adopts them, can end them there: also those who ignore signals and left the session."""
    outcome = user.shell("for i in 1 2 3 4 5; do (trap '' TERM HUP INT; setsid sleep 65.4321 &) ; done; sleep 0.2; exit 5",
                         "--set", "namespaces.pid=false")
    assert outcome.status == 5 and outcome.seconds < 10, outcome
    assert subprocess.run(["pgrep", "-f", "sleep 65.4321"], timeout=10).returncode == 1


def test_zombies_are_reaped(caller):
    outcome = caller.shell("i=0; while [ $i -lt 50 ]; do (true & ); i=$((i+1)); done; sleep 0.3; "
                           "cat /proc/[0-9]*/stat | grep -c ' Z '; true")
    assert outcome.out.strip() == "0", outcome


def test_stopped_payload_dies_with_sbx(user):
    process = user.start([user.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--",
                          "sh", "-c", "echo ready; kill -STOP $$; sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    process.kill()
    process.wait(10)


def test_sandboxes_in_a_sandbox_die_with_it(user):
    """pid 1 takes what it adopts along, nested namespaces too."""
    outcome = user.shell("unshare -Urp --fork --mount-proc sleep 64 >/dev/null 2>&1 & sleep 0.3; exit 5",
                         "--set", "namespaces.nested=true")
    assert outcome.status == 5 and outcome.seconds < 10, outcome


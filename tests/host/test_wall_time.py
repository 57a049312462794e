"""When the wall time is over the payload is asked to end, then made to; the message says so."""


def test_wall_time_ends_it(caller):
    outcome = caller.shell("sleep 60", "--set", "limits.wall_time=500ms", "--set", "limits.grace=1s")
    assert outcome.status == 124 and 0.4 < outcome.seconds < 10, outcome
    assert " ms of wall time" in outcome.err or " s of wall time" in outcome.err, outcome
    assert "wall_time" in outcome.err or "--timeout" in outcome.err, outcome


def test_within_it_nothing_happens(caller):
    outcome = caller.shell("sleep 0.2; exit 3", "--timeout", "30")
    assert outcome.status == 3 and outcome.err == "", outcome


def test_grace_lets_it_finish(user):
    tree = user.make_directory("work/tree")
    outcome = user.shell(f"trap 'sleep 0.3; echo tidy > {tree}/file; exit 0' TERM; while :; do sleep 0.05; done",
                         "--rw", tree, "--timeout", "500ms", "--stop-timeout", "20s")
    assert (tree / "file").read_text() == "tidy\n" and outcome.status == 124 and outcome.seconds < 15, outcome


def test_after_the_grace_it_is_killed(user):
    outcome = user.shell("trap '' TERM; while :; do sleep 0.05; done", "--timeout", "300ms", "--stop-timeout", "300ms")
    assert outcome.status == 124 and outcome.seconds < 10, outcome


def test_stopped_payload_ends_too(user):
    outcome = user.shell("kill -STOP $$", "--timeout", "300ms", "--stop-timeout", "300ms")
    assert outcome.status == 124 and outcome.seconds < 10, outcome


def test_its_children_end_too(user):
    outcome = user.shell("(trap '' TERM; sleep 61) & (setsid sleep 62) & sleep 63", "--timeout", "300ms",
                         "--stop-timeout", "300ms")
    assert outcome.status == 124 and outcome.seconds < 10, outcome

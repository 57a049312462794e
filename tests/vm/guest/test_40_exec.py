"""sbx exec: what joins a sandbox is within its limits before it runs, from wherever it is called."""

import time

from support import as_user, in_login_session, in_user_unit, no_scopes, ok, run
from test_20_scope import end, start, wait_for_scope

OPTIONS = "--scope require -m 150M --pids-limit 50 --name boxed"
SCOPE = "sbx-untrusted-boxed.scope"
# The cgroup namespace's root is the scope: whoever is elsewhere sees a path that leads out of it.
WHERE = "sbx exec boxed -- cat /proc/self/cgroup"
INSIDE = "0::/\n"


def boxed(user, options=OPTIONS):
    sbx = start(user, options, "sleep 100")
    wait_for_scope(user, SCOPE, sbx)
    return sbx


def test_from_outside_of_any_unit_of_the_users():
    sbx = boxed("tester")
    try:
        assert ok(as_user("tester", WHERE)) == INSIDE
    finally:
        end(sbx)
    no_scopes("tester")


def test_from_a_unit_of_the_users():
    sbx = boxed("tester")
    try:
        assert ok(in_user_unit("tester", WHERE)) == INSIDE
    finally:
        end(sbx)
    no_scopes("tester")


def test_from_a_login_session_and_from_another():
    """The session's scope lies beside the user's manager: neither may write in the cgroup above both but the manager."""
    sbx = boxed("tester")
    try:
        assert ok(in_login_session("tester", f"cat /proc/self/cgroup; {WHERE}")).endswith(f".scope\n{INSIDE}")
    finally:
        end(sbx)
    script = f"sbx run {OPTIONS} -- sleep 30 & until systemctl --user is-active -q {SCOPE}; do sleep 0.1; done; {WHERE}; status=$?; kill %1; wait; exit $status"
    assert ok(in_login_session("walker", script)) == INSIDE
    no_scopes("tester")


def test_of_root():
    sbx = boxed(None)
    try:
        assert ok(run(WHERE)) == INSIDE
    finally:
        end(sbx)
    no_scopes()


def test_a_memory_hog_is_killed_by_the_sandboxs_limit():
    sbx = boxed("tester")
    try:
        hog = in_login_session("tester", "sbx exec boxed -- python3 -c \"x = bytearray(400 << 20); x[::4096] = b'y' * len(x[::4096])\"")
        assert hog.returncode == 137, hog
        assert "memory" in hog.stderr or "has ended" in hog.stderr, hog
    finally:
        end(sbx)
    no_scopes("tester")
    return hog.stderr.strip()


def test_processes_count_together():
    sbx = boxed("tester")
    try:
        bomb = in_login_session("tester", "sbx exec boxed -- sh -c 'i=0; while test $i -lt 80; do sleep 5 & i=$((i+1)); done; wait'")
        assert "fork" in bomb.stderr.lower(), bomb
    finally:
        end(sbx)
    no_scopes("tester")


def test_it_refuses_where_it_can_not_be_within_the_limits():
    sbx = boxed("tester", f"{OPTIONS} --set systemd.properties.Delegate=no")
    try:
        refused = in_login_session("tester", "sbx exec boxed -- echo started")
        assert refused.returncode == 125 and "started" not in refused.stdout and "sbx-untrusted-boxed.scope" in refused.stderr, refused
        assert ok(in_user_unit("tester", WHERE)) == INSIDE
    finally:
        end(sbx)
    no_scopes("tester")
    return refused.stderr.strip()


def test_a_frozen_sandbox_is_not_entered():
    sbx = boxed("tester")
    try:
        ok(as_user("tester", f"systemctl --user freeze {SCOPE}"))
        began = time.monotonic()
        refused = as_user("tester", WHERE)
        assert refused.returncode == 125 and "frozen" in refused.stderr and time.monotonic() - began < 10, refused
        ok(as_user("tester", f"systemctl --user thaw {SCOPE}"))
        assert ok(as_user("tester", WHERE)) == INSIDE
    finally:
        end(sbx)
    no_scopes("tester")

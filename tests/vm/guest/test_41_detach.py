"""sbx run --detach under a real manager: it outlives its login session where the user lingers, and else ends with the manager."""

from support import as_user, in_login_session, no_scopes, ok, run, uid, wait_for

RUN = "sbx run -d --scope require --name left -m 100M -- sleep 1000"
SCOPE = "sbx-untrusted-left.scope"


def launchers(user: str) -> str:
    return run(f"pgrep -u {uid(user)} -x sbx").stdout.strip()


def is_active(user: str) -> bool:
    return as_user(user, f"systemctl --user is-active {SCOPE}").stdout.strip() == "active"


def test_with_linger_it_outlives_the_session():
    # Longer than a manager without linger stays after the last session (UserStopDelaySec=10s).
    left = ok(in_login_session("tester", RUN))
    assert len(left.split()[0]) == 8, left
    run("sleep 15", timeout=30)
    assert is_active("tester") and launchers("tester")
    assert ok(as_user("tester", "sbx exec left -- cat /proc/self/cgroup")) == "0::/\n"
    ok(as_user("tester", f"systemctl --user stop {SCOPE}"))
    wait_for(lambda: not launchers("tester"), 20, "the launcher to end with its scope")
    no_scopes("tester")


def test_the_launcher_has_a_scope_of_its_own():
    identity = ok(in_login_session("tester", RUN)).strip()
    where = ok(run(f"cat /proc/{launchers('tester').split()[0]}/cgroup"))
    assert f"/user@1000.service/sbx.slice/sbx-launcher-{identity}.scope" in where, where
    ok(as_user("tester", f"systemctl --user stop {SCOPE}"))
    wait_for(lambda: not launchers("tester"), 20, "the launcher to end with its sandbox")
    no_scopes("tester")


def test_without_linger_it_ends_with_the_last_session():
    ok(in_login_session("walker", RUN))
    wait_for(lambda: run(f"systemctl is-active user@{uid('walker')}.service").stdout.strip() != "active", 60, "the manager's end")
    wait_for(lambda: not launchers("walker"), 20, "the launcher's end")
    assert not run(f"pgrep -u {uid('walker')} -x sleep").stdout.strip()

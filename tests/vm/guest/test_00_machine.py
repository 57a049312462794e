"""The machine is what the tier promises: pure cgroup v2, this systemd, a user manager."""

from support import CGROUPS, as_user, in_login_session, in_user_unit, ok, run


def test_cgroup_v2_and_versions():
    assert (CGROUPS / "cgroup.controllers").exists()
    return ok(run("uname -r")).strip() + ", " + ok(run("systemctl --version")).split("\n")[0]


def test_contexts_are_what_they_say():
    direct = ok(as_user("tester", "cat /proc/self/cgroup"))
    unit = ok(in_user_unit("tester", "cat /proc/self/cgroup"))
    session = ok(in_login_session("walker", "cat /proc/self/cgroup; id -un; echo $XDG_RUNTIME_DIR"))
    assert "sbx-tests.service" in direct, direct
    assert "user@1000.service/app.slice" in unit, unit
    assert "session-" in session and "walker" in session and "/run/user/1001" in session, session

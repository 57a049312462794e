"""Without the calls that newer kernels brought, sbx works by the older ones, or says what is missing."""

import errno

import harness

ALL = f"ENOSYS:{harness.NEW_CALLS},openat2,{harness.LANDLOCK_CALLS}"


def test_without_any_of_them_it_runs_and_confines(caller):
    tree = caller.make_directory("work/tree")
    seen = caller.probe("--ro", tree, deny=ALL, ask=["-w", "/usr", "-w", str(tree), "-w", "/tmp"])
    assert seen["write"] == {"/usr": errno.EROFS, str(tree): errno.EROFS, "/tmp": 0}
    assert seen["seccomp"] == 2 and seen["no_new_privs"] == 1 and seen["caps"]["bounding"] == 0
    for point, mount in harness.parse_mountinfo(seen["mountinfo"]).items():
        assert "nosuid" in mount["options"], (point, mount)


def test_loss_of_landlock_is_said(caller):
    outcome = caller.run("--", "true", deny=ALL)
    assert outcome.status == 0 and "landlock" in outcome.err.lower() and len(outcome.err.splitlines()) == 1, outcome


def test_time_namespace_without_clone3_is_refused(user):
    outcome = user.run("--set", "namespaces.time=true", "--", "echo", "started", deny="ENOSYS:clone3")
    assert outcome.status == 125 and outcome.out == "" and "namespace" in outcome.error(), outcome

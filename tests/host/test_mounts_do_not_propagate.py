"""No mount goes from the sandbox to the host, and none from the host into the sandbox."""

import harness

SHARED = ["unshare", "-m", "--propagation", "shared", "--"]


def test_no_mount_inside_has_a_peer(caller):
    for point, mount in harness.parse_mountinfo(caller.probe()["mountinfo"]).items():
        assert not [field for field in mount["optional"] if field.startswith(("shared:", "master:"))], (point, mount)


def test_no_mount_inside_has_a_peer_where_the_hosts_are_shared(root):
    seen = root.probe(outer=SHARED)
    for point, mount in harness.parse_mountinfo(seen["mountinfo"]).items():
        assert not [field for field in mount["optional"] if field.startswith(("shared:", "master:"))], (point, mount)


def test_host_with_shared_mounts_keeps_its_own(root):
    script = 'cat /proc/self/mountinfo > before; "$@"; cat /proc/self/mountinfo > after; cmp before after'
    outcome = root.run("--", "true", outer=[*SHARED, "sh", "-c", script, "sh"])
    assert outcome.status == 0, outcome


def test_mount_made_later_on_the_host_is_not_seen(root):
    tree = root.make_directory("work/tree/point").parent
    inside = f"touch {tree}/ready; while [ ! -e {tree}/go ]; do sleep 0.02; done; ls {tree}/point"
    outside = (f'"$@" & while [ ! -e {tree}/ready ]; do sleep 0.02; done; mount -t tmpfs none {tree}/point; '
               f"touch {tree}/point/seen {tree}/go; wait $!")
    outcome = root.run("--rw", tree, "--", "sh", "-c", inside, outer=[*SHARED, "sh", "-c", outside, "sh"])
    assert outcome.status == 0 and "seen" not in outcome.out, outcome


def test_old_root_is_gone(caller):
    points = harness.parse_mountinfo(caller.probe()["mountinfo"])
    assert not [point for point in points if "old" in point or point.startswith("/.")]
    # Nothing is above the root.
    outcome = caller.shell("cd /; cd ../../..; ls; ls /proc/1/root/")
    assert outcome.status in (0, 1, 2), outcome
    first = outcome.out.split()
    assert "sbx-test" not in " ".join(first)


def test_a_sandbox_can_run_on_a_slave_tree(root):
    outcome = root.run("--", "true", outer=["unshare", "-m", "--propagation", "slave", "--"])
    assert outcome.status == 0, outcome


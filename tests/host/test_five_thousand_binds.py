"""The cost of a launch is linear in the mounts asked for, and nothing below a bound tree is walked."""

import subprocess
import time

import pytest

import harness


def tree_of(caller, count):
    tree = caller.make_directory(f"work/many{count}")
    for number in range(count):
        path = tree / f"d{number}"
        path.mkdir()
        caller.own(path)
    return tree


def seconds(caller, tree, count, tries=5):
    lines = ",\n".join(f'"{tree}/d{number}"' for number in range(count))
    profile = caller.profile(f'extends = ["plain"]\n[filesystem]\nread = [\n{lines}\n]\n', f"many{count}.toml")
    outcomes = [caller.run("--", "true", profile=profile, timeout=60) for _ in range(tries)]
    assert all(outcome.status == 0 for outcome in outcomes), outcomes[0]
    return min(outcome.seconds for outcome in outcomes)


@pytest.mark.new_kernel  # mount(2) needs a look at /proc/self/mountinfo for each
def test_five_thousand_start_within_a_second(caller):
    taken = seconds(caller, tree_of(caller, 5000), 5000)
    if not harness.SANITIZED:
        assert taken < 1.0, f"{taken:.2f} s"


@pytest.mark.new_kernel
def test_cost_is_linear(user):
    tree = tree_of(user, 4000)
    small, large = seconds(user, tree, 1000), seconds(user, tree, 4000)
    base = user.run("--", "true").seconds
    assert large - base < 7 * max(small - base, 0.02), f"1,000: {small:.3f} s, 4,000: {large:.3f} s"


def test_all_of_them_are_there(user):
    tree = tree_of(user, 2000)
    lines = ",".join(f'"{tree}/d{number}"' for number in range(2000))
    profile = user.profile(f'extends = ["plain"]\n[filesystem]\nread = [{lines}]\n')
    outcome = user.run("--", "sh", "-c", f"ls {tree} | wc -l", profile=profile)
    assert outcome.out.strip() == "2000", outcome


def test_nothing_below_a_bound_tree_is_walked(user):
    """An autofs or NFS below would be woken by a walk: no call names anything below the tree but what was asked for."""
    tree = user.make_directory("work/tree/below/deep").parent.parent
    user.write(tree / "below" / "deep" / "file", "x")
    trace = user.directory / "trace"
    outcome = user.run("--ro", tree, "--", "true", outer=["strace", "-f", "-qq", "-e", "trace=file", "-o", str(trace)])
    assert outcome.status == 0, outcome
    user_names = [line for line in trace.read_text().splitlines() if "below" in line]
    assert user_names == []


def test_many_mounts_of_the_host_cost_little(root):
    """A host with thousands of mounts of its own (containers) is not slower by their square."""
    script = ('i=0; mkdir -p many; while [ $i -lt 1500 ]; do mkdir many/$i; mount -t tmpfs none many/$i; i=$((i+1)); done; '
              'exec "$@"')
    process = root.start([root.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", "--", "true"],
                         outer=["unshare", "-m", "--", "sh", "-c", f"{script.replace('exec', 'date +%s.%N > start; exec')}", "sh"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=60)
    end = time.time()
    assert process.returncode == 0, err
    begin = float((root.work / "start").read_text())
    assert end - begin < 2 * harness.SLOWNESS

"""The report tells how it ended and what it used; the receipt shows what the kernel was found to enforce."""

import json
import os
import re

import pytest


def report(caller, *options, words=("true",), **more):
    target = caller.directory / "report.json"
    target.unlink(missing_ok=True)
    outcome = caller.run(f"--report=json:{target}", *options, "--", *words, **more)
    return outcome, json.loads(target.read_text())


def items(document):
    """The receipt as {protection: [items]}."""
    found = {}
    for item in document["receipt"]:
        found.setdefault(item["protection"], []).append(item)
    return found


def test_text_goes_to_standard_error(caller):
    outcome = caller.run("--report", "--", "sh", "-c", "echo out; exit 4")
    assert outcome.status == 4 and outcome.out == "out\n", outcome
    for word in ("seccomp", "no_new_privs", "landlock", "wall"):
        assert word in outcome.err.lower(), outcome
    assert all(ord(character) >= 32 or character == "\n" for character in outcome.err)


def test_json_to_a_file(caller):
    outcome, document = report(caller, words=("sh", "-c", "exit 4"))
    assert outcome.status == 4 and outcome.err == ""
    assert document["exit_code"] == 4 and document["ending"] == "exited", document


def test_json_to_an_fd(user):
    reader, writer = os.pipe()
    outcome = user.run(f"--report=json:fd:{writer}", "--", "true", pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as stream:
        assert outcome.status == 0 and json.load(stream)["ending"] == "exited"


def test_report_cannot_be_written_is_told(user):
    outcome = user.run("--report=json:/nonexistent/report", "--", "true")
    assert outcome.status == 125 and "/nonexistent/report" in outcome.error(), outcome


def test_signal_and_wall_time_are_told(user):
    _, document = report(user, words=("sh", "-c", "kill -SEGV $$"))
    assert document["ending"] == "signalled" and document["signal"] == 11
    _, document = report(user, "--timeout", "300ms", words=("sleep", "60"))
    assert document["ending"] == "timed_out"


def test_times_are_measured(user):
    script = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    _, document = report(user, words=("/usr/bin/python3", "-c", script))
    text = json.dumps(document)
    wall, cpu = (find(document, name) for name in ("wall_time_us", "user_time_us"))
    assert wall >= 400_000 and 300_000 <= cpu + find(document, "system_time_us") <= 5_000_000, text
    assert find(document, "max_rss_bytes") > 1 << 20, text


def find(document, name):
    """The value of a key at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            found = value if key == name else find(value, name) if isinstance(value, (dict, list)) else None
            if found is not None:
                return found
    if isinstance(document, list):
        for value in document:
            found = find(value, name)
            if found is not None:
                return found
    return None


def test_cpu_time_of_orphans_counts(user):
    script = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    _, document = report(user, words=("sh", "-c", f"(/usr/bin/python3 -c '{script}' &) ; sleep 2"))
    assert find(document, "user_time_us") + find(document, "system_time_us") >= 200_000


def test_every_item_of_the_receipt_is_enforced(caller):
    _, document = report(caller)
    assert document["receipt"], document
    assert [item for item in document["receipt"] if not item["enforced"]] == [], document


@pytest.mark.parametrize("name", ["user", "mount", "pid", "net", "ipc", "uts", "cgroup"])
def test_namespaces_by_inode(caller, name):
    target = caller.directory / "report.json"
    outcome = caller.run(f"--report=json:{target}", "--ro", caller.programs.probe, "--", caller.programs.probe)
    inside = outcome.json()["ns"][{"mount": "mnt"}.get(name, name)]
    assert inside in items(json.loads(target.read_text()))[name][0]["found"], inside


def test_receipt_says_what_the_payload_finds(caller):
    target = caller.directory / "report.json"
    outcome = caller.run(f"--report=json:{target}", "--ro", caller.programs.probe, "--", caller.programs.probe)
    seen, text = outcome.json(), target.read_text()
    assert seen["seccomp"] == 2 and seen["no_new_privs"] == 1
    found = items(json.loads(text))
    assert re.search(r"\b[12]\b", found["seccomp"][0]["found"]), found["seccomp"]
    assert all(re.search("0{16}|none|0", item["found"]) for item in found["capabilities"]), found["capabilities"]


def test_filter_digest_is_that_of_the_filter(user):
    first, second = report(user)[1], report(user)[1]
    other = report(user, "--set", 'seccomp.deny=["socket"]')[1]
    digest = [re.search(r"[0-9a-f]{32,}", json.dumps(one["receipt"]))[0] for one in (first, second, other)]
    assert digest[0] == digest[1] != digest[2]


def test_loss_is_listed(caller):
    target = caller.directory / "report.json"
    outcome = caller.run(f"--report=json:{target}", "--set", "cgroup.memory.max=100M", "--accept", "memory", "--accept",
                         "scope", "--", "true", scope=True)
    assert outcome.status == 0, outcome
    assert "memory" in outcome.err or "scope" in outcome.err, outcome
    document = json.loads(target.read_text())
    assert document["losses"], document


def test_explain_runs_nothing(caller):
    tree = caller.make_directory("work/tree")
    outcome = caller.run("--rw", tree, "--hide", tree / "absent", "--explain", "--", "touch", tree / "made")
    assert outcome.status == 0 and os.listdir(tree) == [], outcome
    assert str(tree) in outcome.out and "--rw" in outcome.out and "touch" in outcome.out, outcome


def test_explain_names_the_line_of_the_profile(user):
    tree = user.make_directory("work/tree")
    profile = user.profile(f'extends = ["plain"]\n\n[filesystem]\nwrite = ["{tree}"]\n', "mine.toml")
    outcome = user.run("--explain", "--", "true", profile=profile)
    line = [line for line in outcome.out.splitlines() if str(tree) in line]
    assert line and "mine.toml:4" in line[0], outcome

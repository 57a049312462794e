"""--trace FILE: the launch as OpenTelemetry spans in the OTLP file format."""

import json
import re
import time

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans_of(path):
    messages = [json.loads(line) for line in path.read_text().splitlines()]
    return [message["resourceSpans"][0]["scopeSpans"][0]["spans"] for message in messages]


def test_spans_of_a_launch(caller):
    path = caller.work / "trace.jsonl"
    begin = time.time_ns()
    outcome = caller.run("--name", "traced", "--trace", path, "--", "sleep", "0.1", env={"TRACEPARENT": PARENT})
    end = time.time_ns()
    assert outcome.status == 0 and outcome.err == "", outcome
    (spans,) = spans_of(path)
    names = [span["name"] for span in spans]
    assert names[0] == "sbx run" and names[-1] == "payload" and spans[0]["parentSpanId"] == "b7ad6b7169203331"
    # One a Step, the front's and both sides of the clone, in the order of the launch.
    steps = ["read-profile", "lower-profile", "make-plan", "compile-filter", "clone-init", "pivot-root", "seccomp", "exec"]
    assert [name for name in names if name in steps] == steps and len(set(names)) == len(names)
    for span in spans:
        assert span["traceId"] == "0af7651916cd43dd8448eb211c80319c" and re.fullmatch("[0-9a-f]{16}", span["spanId"])
        assert begin <= int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) <= end, span
    assert all(span["parentSpanId"] == spans[0]["spanId"] for span in spans[1:])
    assert int(spans[-1]["endTimeUnixNano"]) - int(spans[-1]["startTimeUnixNano"]) > 90_000_000
    assert {"key": "sbx.name", "value": {"stringValue": "traced"}} in spans[0]["attributes"]


def test_without_a_valid_parent_the_trace_is_new(user):
    path = user.work / "trace.jsonl"
    for parent in (None, "00-" + "0" * 32 + "-b7ad6b7169203331-01", PARENT[:-1]):
        assert user.run("--trace", path, "--", "true", env={"TRACEPARENT": parent}).status == 0
    traces = spans_of(path)  # appended: a line each
    assert len({spans[0]["traceId"] for spans in traces}) == 3
    assert all("parentSpanId" not in spans[0] for spans in traces)


def test_a_failed_launch_is_traced(user):
    path = user.work / "trace.jsonl"
    outcome = user.run("--trace", path, "--", "true", program=user.programs.faulty, env={"SBX_FAULT": "pivot-root"})
    assert outcome.status == 125
    (spans,) = spans_of(path)
    assert spans[-1]["name"] == "pivot-root" and spans[-1]["status"]["code"] == 2
    assert spans[0]["status"]["message"] == outcome.error()


def test_the_file_is_the_callers(user):
    victim = user.write("victim", "kept")
    link = user.work / "trace.jsonl"
    link.symlink_to(victim)
    outcome = user.run("--trace", link, "--", "true")
    assert outcome.status == 125 and "[write-report]" in outcome.error() and victim.read_text() == "kept"
    outcome = user.run("--trace", user.work / "absent/trace", "--", "true")
    assert outcome.status == 125 and "[write-report]" in outcome.error()
    assert user.run("--explain", "--trace", user.work / "none", "--", "true").status == 0
    assert not (user.work / "none").exists()

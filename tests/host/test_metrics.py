"""`sbx metrics`: what it prints, that Prometheus takes it, and that its server is bounded."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request

import pytest

import harness

pytestmark = pytest.mark.new_kernel  # a running sandbox is found by pidfd_open

DASHBOARD = harness.SOURCE / "examples/metrics/grafana-dashboard.json"


def samples(text):
    """{name: [(labels, value)]} of plain sample lines."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line).groups()
        found.setdefault(name, []).append((dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")), value))
    return found


def start_sandbox(user, name):
    process = user.start([user.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--name", name, "--", "sleep", "60"])
    harness.wait_for(lambda: f'name="{name}"' in user.sbx("metrics").out, what="the sandbox' metrics")
    return process


class Server:
    def __init__(self, user, address=None, **options):
        self.path = user.directory / "metrics.sock"
        self.process = user.start([user.programs.sbx, "metrics", f"--listen={address or self.path}"], **options)
        if address is None:
            harness.wait_for(self.path.exists, what="the server's socket")

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(15)
        harness.wait_for(lambda: connection.connect_ex(str(self.path)) == 0, what="the server")
        return connection

    def ask(self, request, connection=None):
        with connection or self.connect() as connection:
            connection.sendall(request)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer.decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_running_and_ended_sandboxes(caller):
    assert caller.run("--", "sh", "-c", "exit 7").status == 7
    caller.run("--", "true")
    caller.run("--", "true")
    text = caller.sbx("metrics").out
    found = samples(text)
    assert text.endswith("\n# EOF\n")
    assert found["sbx_running"] == [({}, "0")]
    assert sorted(found["sbx_exits_total"], key=str) == [({"profile": "plain", "status": "0"}, "2"), ({"profile": "plain", "status": "7"}, "1")]
    assert found["sbx_startup_seconds_count"] == [({}, "3")] and 0 < float(found["sbx_startup_seconds_sum"][0][1]) < 60
    steps = {labels["step"]: float(value) for labels, value in found["sbx_startup_step_seconds_sum"]}
    assert steps["clone-init"] > 0 and steps["pivot-root"] > 0 and set(steps) <= set(harness.step_names())
    process = start_sandbox(caller, "watched")
    (info,) = samples(caller.sbx("metrics").out)["sbx_sandbox_info"]
    assert info[0]["name"] == "watched" and info[0]["profile"] == "plain" and info[0]["command"] == "sleep"
    (began,) = samples(caller.sbx("metrics").out)["sbx_start_time_seconds"]
    assert abs(float(began[1]) - time.time()) < 60
    process.terminate()
    process.wait(10)
    assert samples(caller.sbx("metrics").out)["sbx_running"] == [({}, "0")]


def test_history_stays_bounded_and_counted(user):
    user.run("--", "true")
    path = user.registry / "ended.jsonl"
    line = path.read_text()
    assert line.count("\n") == 1 and (path.stat().st_mode & 0o777) == 0o600
    path.write_text(line * 350)
    user.own(path)
    assert path.stat().st_size > 256 * 1024
    user.run("--", "true")
    assert path.stat().st_size < 256 * 1024
    assert samples(user.sbx("metrics").out)["sbx_exits_total"] == [({"profile": "plain", "status": "0"}, "351")]
    assert path.read_text().count("\n") == 1 + 175 + 1


def test_ends_at_once_are_all_counted(user):
    script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do "$@" & done; wait'
    outcome = user.execute(["sh", "-c", script, "sh", user.programs.sbx, "run", "-p", "plain", "--set", "systemd.scope=none", "--", "true"])
    assert outcome.status == 0, outcome
    assert samples(user.sbx("metrics").out)["sbx_exits_total"] == [({"profile": "plain", "status": "0"}, "12")]


def test_a_forged_history_breaks_nothing(user):
    user.run("--", "true")
    path = user.registry / "ended.jsonl"
    good = path.read_text()
    path.write_text('{"totals": {"exits": 5}}\n' + good + '{"id": {}}\n\xff\x00\n' + good[:30])
    assert samples(user.sbx("metrics").out)["sbx_exits_total"] == [({"profile": "plain", "status": "0"}, "1")]
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "sbx_exits_total" not in user.sbx("metrics").out
    assert user.run("--", "true").status == 0


def test_promtool_finds_nothing_wrong(user):
    start_sandbox(user, "checked")
    text = user.sbx("metrics", "--format", "prometheus").out
    golden = (harness.SOURCE / "tests/data/metrics/prometheus.txt").read_text()
    for metrics in (text, golden):
        said = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, timeout=30)
        assert said.returncode == 0 and said.stdout + said.stderr == "", (said, metrics)
    config = subprocess.run(["promtool", "check", "config", harness.SOURCE / "examples/metrics/prometheus.yml"],
                            capture_output=True, text=True, timeout=30)
    assert config.returncode == 0, config


def test_prometheus_scrapes_and_answers(user, place):
    """The real one, which reads OpenMetrics strictly and drops a scrape with anything wrong in it."""
    start_sandbox(user, "scraped")
    port, own = free_port(), free_port()
    Server(user, f"127.0.0.1:{port}")
    config = user.write("prometheus.yml", f"scrape_configs:\n- job_name: sbx\n  scrape_interval: 1s\n  static_configs:\n"
                                          f"  - targets: ['127.0.0.1:{port}']\n")
    user.start(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={user.make_directory('tsdb')}",
                f"--web.listen-address=127.0.0.1:{own}", "--log.level=error"])

    def answer(query):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{own}/api/v1/query?query={query}", timeout=5) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return []

    harness.wait_for(lambda: answer("up")[0]["value"][1] == "1" if answer("up") else False, timeout=60, what="a scrape")
    (result,) = answer("sbx_sandbox_info")
    assert result["metric"]["name"] == "scraped" and result["value"][1] == "1"
    assert answer("sbx_running")[0]["value"][1] == "1"


def test_dashboard_asks_for_what_there_is(user):
    """Each metric of each query of the dashboard is one that the golden file has, or that a real host has beside it."""
    known = set(samples((harness.SOURCE / "tests/data/metrics/openmetrics.txt").read_text()))
    known |= {f"{name}{kind}" for name, kind in re.findall(r'\{"(sbx_\w+)", (?:gauge|(counter))',
              (harness.SOURCE / "src/telemetry/sandbox_metrics.cpp").read_text()) for kind in [("_total" if kind else "")]}
    board = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [variable["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    asked = {name for query in queries for name in re.findall(r"sbx_\w+", query)}
    assert asked <= known, asked - known
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 12
    # And Prometheus can parse them.
    plain = [query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$profile", ".*")
             for query in queries if not query.startswith("label_values")]
    rules = user.write("rules.yml", json.dumps({"groups": [{"name": "x", "rules": [{"record": f"x:{number}", "expr": query}
                                                for number, query in enumerate(plain)]}]}))
    said = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said


def test_server_answers_and_refuses(user):
    server = Server(user)
    assert (server.path.stat().st_mode & 0o777) == 0o600
    answer = server.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n")
    assert answer.startswith("HTTP/1.1 200 OK\r\n") and answer.endswith("# EOF\n")
    assert "200 OK" in server.ask(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert " 404 " in server.ask(b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")
    assert " 405 " in server.ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert " 413 " in server.ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde")
    assert " 400 " in server.ask(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03")
    assert " 431 " in server.ask(b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"a" * 20000 + b"\r\n\r\n")
    server.process.terminate()
    assert server.process.wait(10) == 0


def test_clients_that_only_hold_places_keep_nobody_out(user):
    server = Server(user)
    held = [server.connect() for _ in range(40)]
    for connection in held[-10::2]:
        connection.sendall(b"GET /metr")
    begin = time.monotonic()
    assert "200 OK" in server.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert time.monotonic() - begin < 4 * harness.SLOWNESS
    # And each is sent away in time.
    assert held[-1].recv(100) == b""
    assert time.monotonic() - begin < 12 * harness.SLOWNESS
    for connection in held:
        connection.close()
    assert "200 OK" in server.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert len(os.listdir(f"/proc/{server.process.pid}/fd")) < 12


@pytest.mark.parametrize("address", ["0.0.0.0:9978", "9978", "127.0.0.1", "127.0.0.1:99999", "localhost:1", "[::]:9978", "relative/path", ":1"])
def test_only_loopback_is_served(user, address):
    outcome = user.sbx("metrics", f"--listen={address}")
    assert outcome.status == 125 and "no address to serve on" in outcome.error()


def test_socket_activation(user):
    listener = socket.socket(socket.AF_UNIX)
    path = user.directory / "activated.sock"
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen()

    def hand_over():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    process = user.start(["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", user.programs.sbx, "metrics", "--listen"],
                         preexec_fn=hand_over, close_fds=False)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(path))
    assert "200 OK" in Server.ask(None, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", connection)
    process.terminate()
    assert process.wait(10) == 0
    listener.close()
    outcome = user.sbx("metrics", "--listen")
    assert outcome.status == 125 and "[serve-metrics]" in outcome.error() and "--listen=127.0.0.1" in outcome.error()


def test_mistakes(user):
    assert "unknown" in user.sbx("metrics", "--format", "xml").error()
    assert "unexpected word" in user.sbx("metrics", "x").error()
    blocker = Server(user)
    outcome = user.sbx("metrics", f"--listen={blocker.path}")
    assert outcome.status == 125 and "end the other server" in outcome.error()

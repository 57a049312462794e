"""Wrapped units: sbx as what a service manager starts, of each type, on the user's and the system's manager."""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from support import CGROUPS, as_user, ok, run, uid, value, wait_for

LIBRARY = Path("/usr/local/lib/sbx-tests")  # below /usr, which every sandbox shows
SEEN = "ActiveState,SubState,Result,MainPID,ExecMainPID,ExecMainCode,ExecMainStatus,StatusText,NRestarts,ControlGroup,NFileDescriptorStore"
SERVER = """
import os, signal, socket, sys, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
tell = lambda text: manager.send(text.encode())
state = {"hang": False, "reloads": 0}
def reload(*_):
    tell(f"RELOADING=1\\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    state["reloads"] += 1
    tell(f"READY=1\\nSTATUS=reloaded {state['reloads']}")
signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGUSR1, lambda *_: state.update(hang=True))
tell(f"READY=1\\nSTATUS=up\\nMAINPID={os.getpid()}")
if "WATCHDOG_USEC" in os.environ:
    assert os.environ["WATCHDOG_PID"] == str(os.getpid())
while True:
    if not state["hang"]:
        tell("WATCHDOG=1")
    time.sleep(0.5)
"""


def script(name: str, text: str) -> Path:
    LIBRARY.mkdir(exist_ok=True)
    (LIBRARY / name).write_text(text)
    return LIBRARY / name


class Unit:
    """A unit file of one manager's, stopped and removed at the end."""

    def __init__(self, name: str, text: str, user: str | None = None):
        self.name, self.user = name, user
        self.path = Path(f"/run/systemd/{'user' if user else 'system'}") / name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text)
        self.known = False  # to the manager

    def control(self, command: str) -> subprocess.CompletedProcess:
        systemctl = "systemctl --user" if self.user else "systemctl"
        words = f"{systemctl} {command}" if self.known else f"{systemctl} daemon-reload && {systemctl} {command}"
        self.known = True
        return as_user(self.user, words) if self.user else run(words)

    def __enter__(self) -> "Unit":
        return self

    def __exit__(self, *_) -> None:
        self.control(f"stop {self.name}; systemctl {'--user' if self.user else ''} reset-failed {self.name}")
        self.path.unlink()

    def start(self) -> "Unit":
        done = self.control(f"start {self.name}")
        assert done.returncode == 0, f"{done.stderr}\n{self.show()}\n{self.log()}"
        return self

    def show(self) -> dict[str, str]:
        return value(ok(self.control(f"show {self.name} -p {SEEN}")))

    def log(self, lines: int = 15) -> str:
        kind = f"_SYSTEMD_USER_UNIT={self.name}" if self.user else f"_SYSTEMD_UNIT={self.name}"
        return run(f"journalctl --sync; journalctl -q -n {lines} -o cat {kind}").stdout

    def wait(self, seconds: float = 40, **wanted: str) -> dict[str, str]:
        try:
            wait_for(lambda: wanted.items() <= self.show().items(), seconds, str(wanted))
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.show()}\n{self.log()}") from None
        return self.show()


def service(command: str, *lines: str) -> str:
    listed = "\n".join(lines)
    return f"[Service]\nType=exec\nKillMode=mixed\nTimeoutStopSec=20\nExecStart=sbx run {command}\n{listed}\n"


def service_of(user: str | None, command: str, *lines: str) -> str:
    """The same for both managers: a system unit runs as tester."""
    return service(command, *lines, *([] if user else ["User=tester", "Environment=HOME=/home/tester"]))


def is_sbx(pid: str) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == "sbx"


def watched_server(user: str | None) -> str:
    command = f"-p service -- python3 {script('server.py', SERVER)}"
    text = service_of(user, command, "Type=notify", "Delegate=yes", "WatchdogSec=8s", "Restart=on-failure", "ExecReload=kill -HUP $MAINPID")
    with Unit("sbx-t-notify.service", text, user) as unit:
        unit.start()
        up = unit.wait(ActiveState="active", StatusText="up")
        assert is_sbx(up["MainPID"]), up
        group = CGROUPS / up["ControlGroup"].lstrip("/")
        assert any((inner / "memory.max").read_text() == f"{1 << 30}\n" for inner in group.iterdir() if inner.is_dir()), list(group.iterdir())
        ok(unit.control(f"reload {unit.name}"))
        unit.wait(StatusText="reloaded 1", ActiveState="active", MainPID=up["MainPID"])
        time.sleep(9)  # a watchdog that is fed doesn't bite
        assert unit.show()["MainPID"] == up["MainPID"], unit.show()
        os.kill(int(up["MainPID"]), 10)  # SIGUSR1 reaches the payload, which hangs
        wait_for(lambda: unit.show()["NRestarts"] == "1", 40, "the watchdog's restart")
        again = unit.wait(ActiveState="active", StatusText="up")
        assert again["MainPID"] != up["MainPID"], again
        assert "atchdog" in run(f"journalctl -q -n 60 -o cat").stdout
        ok(unit.control(f"stop {unit.name}"))
        gone = unit.show()
        assert gone["Result"] == "success" and gone["ActiveState"] == "inactive", gone


def test_a_notify_server_of_a_user_with_a_watchdog():
    watched_server("tester")


def test_a_notify_server_of_the_system_with_a_watchdog():
    watched_server(None)


def test_a_hanging_server_without_restart_is_a_watchdogs_failure():
    text = service(f"-p service -- python3 {script('server.py', SERVER)}", "Type=notify", "Delegate=yes", "WatchdogSec=6s")
    with Unit("sbx-t-hang.service", text, "tester") as unit:
        os.kill(int(unit.start().show()["MainPID"]), 10)
        dead = unit.wait(ActiveState="failed")
        assert dead["Result"] == "watchdog" and dead["ExecMainStatus"] == "6", dead  # killed by SIGABRT, as the payload was


def test_notify_reload():
    if int(run("systemctl --version").stdout.split()[1]) < 253:
        return "systemd 252 has no Type=notify-reload"
    text = service(f"-p service -- python3 {script('server.py', SERVER)}", "Type=notify-reload", "Delegate=yes")
    with Unit("sbx-t-reload.service", text, "tester") as unit:
        unit.start()
        for count in (1, 2):
            ok(unit.control(f"reload {unit.name}"))
            unit.wait(StatusText=f"reloaded {count}", ActiveState="active")


def test_exec_ends_as_its_payload_does():
    for kill, result, code, status in (("TERM", "success", "", ""), ("KILL", "signal", "2", "9"), ("SEGV", "signal", "2", "11")):
        with Unit("sbx-t-exec.service", service("-p service -- sleep 100", "Delegate=yes"), "tester") as unit:
            unit.start()
            inner = payload_of(unit)
            run(f"kill -{kill} {inner}")
            dead = unit.wait(ActiveState="inactive" if result == "success" else "failed")
            if result == "success":
                continue  # the manager forgets a unit that ended well
            assert (dead["Result"], dead["ExecMainCode"], dead["ExecMainStatus"]) == (result, code, status), dead


def payload_of(unit: Unit, name: str = "sleep") -> str:
    found = []

    def there() -> bool:
        group = CGROUPS / unit.show()["ControlGroup"].lstrip("/")
        pids = [pid for file in group.rglob("cgroup.procs") for pid in file.read_text().split()]
        found[:] = [pid for pid in pids if Path(f"/proc/{pid}/comm").exists() and Path(f"/proc/{pid}/comm").read_text().strip() == name]
        return bool(found)
    wait_for(there, 30, name)
    return found[0]


def test_oneshot():
    with Unit("sbx-t-once.service", service("-p service -- sh -c 'echo done-it; exit 0'", "Type=oneshot", "Delegate=yes"), "tester") as unit:
        assert unit.start().show()["Result"] == "success" and "done-it" in run("journalctl --sync; journalctl -q -n 30 -o cat").stdout
    with Unit("sbx-t-once.service", service("-p service -- sh -c 'exit 3'", "Type=oneshot", "Delegate=yes"), "tester") as unit:
        assert unit.control(f"start {unit.name}").returncode != 0
        dead = unit.show()
        assert (dead["Result"], dead["ExecMainCode"], dead["ExecMainStatus"]) == ("exit-code", "1", "3"), dead


def test_restart_on_failure():
    command = "-p service -- sh -c 'test -e ~/second && exec sleep 100; touch ~/second; exit 1'"
    with Unit("sbx-t-again.service", service(command, "Restart=on-failure", "RestartSec=100ms", "Delegate=yes"), "tester") as unit:
        unit.start()
        assert unit.wait(NRestarts="1", SubState="running")["ActiveState"] == "active"
        ok(unit.control(f"stop {unit.name}"))
        assert unit.show()["Result"] == "success"


NGINX = """
worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server {{ listen {address}; location / {{ return 200 "nginx serves\\n"; }} }}
}}
{more}
"""


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        return answer.read().decode()


def forking_nginx(user: str | None) -> None:
    configuration = script("forking.conf", NGINX.format(address="127.0.0.1:8081", more=""))
    command = f"-p service --network host --forking -- /usr/sbin/nginx -c {configuration}"
    text = service_of(user, command, "Type=forking", "NotifyAccess=all", "Delegate=yes", "ExecReload=kill -HUP $MAINPID")
    with Unit("sbx-t-nginx.service", text, user) as unit:
        unit.start()
        up = unit.wait(ActiveState="active", SubState="running")
        assert is_sbx(up["MainPID"]) and fetch(8081) == "nginx serves\n", up
        ok(unit.control(f"reload {unit.name}"))
        time.sleep(2)
        assert fetch(8081) == "nginx serves\n" and unit.show()["MainPID"] == up["MainPID"]
        run(f"kill -QUIT {up['MainPID']}")  # nginx's own word for a graceful end
        dead = unit.wait(ActiveState="inactive")
        assert dead["Result"] == "success", dead
    assert not run("pgrep -x nginx").stdout


def test_nginx_forking_of_a_user():
    forking_nginx("tester")


def test_nginx_forking_of_the_system():
    forking_nginx(None)


def test_a_forking_command_that_fails_fails_the_start():
    with Unit("sbx-t-nofork.service", service("-p service --forking -- sh -c 'exit 4'", "Type=forking", "Delegate=yes"), "tester") as unit:
        assert unit.control(f"start {unit.name}").returncode != 0
        assert unit.show()["Result"] == "exit-code", unit.show()


def test_nginx_socket_activated_without_a_network():
    configuration = script("activated.conf", NGINX.format(address="127.0.0.1:8082", more="daemon off;"))
    listener = "[Socket]\nListenStream=127.0.0.1:8082\n"
    with Unit("sbx-t-web.service", service(f"-p service -e NGINX=3: -- /usr/sbin/nginx -c {configuration}", "Delegate=yes"), "tester") as unit:
        with Unit("sbx-t-web.socket", listener, "tester") as waiting:
            waiting.start()
            assert fetch(8082) == "nginx serves\n"
            pid = payload_of(unit, "nginx")
            assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
            ok(unit.control(f"stop {unit.name}"))
            assert fetch(8082) == "nginx serves\n"  # started anew by the connection


def test_a_server_for_each_connection():
    text = service("-p service -- sh -c 'read line; echo served $line'", "Delegate=yes", "StandardInput=socket")
    with Unit("sbx-t-each@.service", text, "tester"), Unit("sbx-t-each.socket", "[Socket]\nListenStream=/run/user/1000/each\nAccept=yes\n", "tester") as waiting:
        waiting.start()
        for word in ("one", "two"):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(30)
                client.connect("/run/user/1000/each")
                client.send(f"{word}\n".encode())
                assert client.makefile().read() == f"served {word}\n"


def test_named_sockets():
    program = script("named.py", """
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid())
for fd, name in enumerate(os.environ["LISTEN_FDNAMES"].split(":"), 3):
    with socket.socket(fileno=fd) as listening:
        connection, _ = listening.accept()
        connection.send(f"{name} {fd}".encode())
        connection.close()
""")
    with Unit("sbx-t-named.service", service(f"-p service -- python3 {program}", "Delegate=yes"), "tester"):
        sockets = [Unit(f"sbx-t-{name}.socket", f"[Socket]\nListenStream=/run/user/1000/{name}\nFileDescriptorName={name}\nService=sbx-t-named.service\n",
                        "tester") for name in ("first", "second")]
        try:
            ok(as_user("tester", "systemctl --user daemon-reload && systemctl --user start sbx-t-first.socket sbx-t-second.socket"))
            ok(as_user("tester", "systemctl --user start sbx-t-named.service"))
            seen = set()
            for name in ("first", "second"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(30)
                    client.connect(f"/run/user/1000/{name}")
                    seen.add(client.recv(99).decode().split()[0])
            assert seen == {"first", "second"}, seen
        finally:
            for one in sockets:
                one.__exit__()


def test_credentials():
    command = "-p service -- sh -c 'cat $CREDENTIALS_DIRECTORY/token; echo x > $CREDENTIALS_DIRECTORY/token; exec sleep 100'"
    with Unit("sbx-t-secret.service", service_of(None, command, "SetCredential=token:the-secret", "Delegate=yes")) as unit:
        unit.start()
        wait_for(lambda: "the-secret" in unit.log() and "Read-only" in unit.log(), 20, f"the credential: {unit.log()}")


def test_descriptors_outlive_a_restart():
    program = script("store.py", """
import array, os, socket, sys, time
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
if os.environ.get("LISTEN_FDNAMES") == "kept":
    manager.send(b"READY=1\\nSTATUS=found " + os.pread(3, 99, 0))
else:
    kept = os.memfd_create("kept")
    os.write(kept, b"what was kept")
    manager.sendmsg([b"FDSTORE=1\\nFDNAME=kept"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [kept]))])
    manager.send(b"READY=1\\nSTATUS=stored")
time.sleep(100)
""")
    text = service(f"-p service -- python3 {program}", "Type=notify", "Delegate=yes", "FileDescriptorStoreMax=4")
    with Unit("sbx-t-store.service", text, "tester") as unit:
        unit.start()
        stored = unit.wait(StatusText="stored", NFileDescriptorStore="1")
        ok(unit.control(f"restart {unit.name}"))
        assert unit.wait(StatusText="found what was kept")["MainPID"] != stored["MainPID"]


def test_the_template_runs_a_profiles_own_command():
    for user, directory in (("tester", Path("/home/tester/.config/sbx/profiles")), (None, Path("/etc/sbx/profiles"))):
        run(f"mkdir -p {directory}") if user is None else ok(as_user(user, f"mkdir -p {directory}"))
        (directory / "own-sleep.toml").write_text('extends = ["service"]\n[command]\nargv = ["sleep", "100"]\n[cgroup]\npids.max = 33\n')
        control = (lambda command: as_user(user, f"systemctl --user {command}")) if user else (lambda command: run(f"systemctl {command}"))
        try:
            done = control("start sbx@own-sleep")
            assert done.returncode == 0, (done, run("journalctl -q -n 12 -o cat").stdout)
            found = value(ok(control(f"show sbx@own-sleep -p {SEEN},Slice")))
            assert found["ActiveState"] == "active" and found["Slice"] == "sbx.slice" and is_sbx(found["MainPID"]), found
            group = CGROUPS / found["ControlGroup"].lstrip("/")
            wait_for(lambda: any((inner / "pids.max").read_text() == "33\n" for inner in group.iterdir() if (inner / "pids.max").exists()), 20, f"pids.max below {group}")
            ok(control("stop sbx@own-sleep"))
            assert value(ok(control(f"show sbx@own-sleep -p {SEEN}")))["Result"] == "success"
        finally:
            control("stop sbx@own-sleep")
            (directory / "own-sleep.toml").unlink()


def test_without_delegation_the_units_limits_must_be_as_tight():
    limits = "-m 200M --pids-limit 50 --cpus 0.5"
    with Unit("sbx-t-loose.service", service(f"-p base {limits} -- sleep 100", "TasksMax=40"), "tester") as unit:
        unit.start()
        dead = unit.wait(ActiveState="failed")
        assert dead["ExecMainStatus"] == "125" and "MemoryMax=200M" in unit.log() and "CPUQuota=50%" in unit.log(), unit.log()
        assert "TasksMax" not in unit.log() and "Delegate=yes" in unit.log()
    for line in ("MemoryMax=200M", "MemoryMax=100M"):
        text = service(f"-p base {limits} --report -- sleep 2", line, "TasksMax=40", "CPUQuota=50%")
        with Unit("sbx-t-tight.service", text, "tester") as unit:
            group = unit.start().show()["ControlGroup"]
            inner = payload_of(unit)
            assert Path(f"/proc/{inner}/cgroup").read_text().strip().endswith(group), (group, inner)
            unit.wait(ActiveState="inactive", Result="success")
    text = service(f"-p base {limits} --accept memory --accept cpu -- sleep 100", "TasksMax=40")
    with Unit("sbx-t-lost.service", text, "tester") as unit:
        unit.start().wait(SubState="running")
        wait_for(lambda: "goes on without" in unit.log(), 20, f"the loss: {unit.log()}")


def test_a_limit_of_the_slice_counts():
    text = service("-p base -m 300M -- sleep 100", "Slice=sbx-tight.slice")
    with Unit("sbx-tight.slice", "[Slice]\nMemoryMax=250M\n", "tester"), Unit("sbx-t-sliced.service", text, "tester") as unit:
        unit.start().wait(SubState="running")
        payload_of(unit)


def test_what_sbx_unit_prints_is_a_unit():
    for words in ("service -- sleep 100", "service --type notify -- python3 /usr/local/lib/sbx-tests/server.py", "untrusted --type oneshot -- true"):
        text = ok(as_user("tester", f"sbx unit {words}"))
        Path("/run/systemd/user/sbx-t-printed.service").write_text(text)
        checked = as_user("tester", "systemd-analyze --user verify --man=no /run/systemd/user/sbx-t-printed.service")
        assert checked.returncode == 0 and not checked.stderr, (text, checked)
        script("server.py", SERVER)
        with Unit("sbx-t-printed.service", text, "tester") as unit:
            unit.start()
            assert unit.show()["Result"] == "success", unit.log()
    system = ok(run("sbx unit service --system --as www-data -- sleep 60"))
    Path("/run/systemd/system/sbx-t-printed.service").write_text(system)
    checked = run("systemd-analyze verify --man=no /run/systemd/system/sbx-t-printed.service")
    os.unlink("/run/systemd/system/sbx-t-printed.service")
    assert checked.returncode == 0 and not checked.stderr, (system, checked)


def test_an_outsider_in_the_unit_is_not_heard():
    program = script("server.py", SERVER)
    with Unit("sbx-t-heard.service", service(f"-p service -- python3 {program}", "Type=notify", "Delegate=yes"), "tester") as unit:
        unit.start()
        inner = payload_of(unit, "python3")
        ok(as_user("tester", f"python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
                             f"s.connect(\"/proc/{inner}/root/run/sbx/notify\"); s.send(b\"STATUS=forged\"); time.sleep(1)'"))
        assert unit.show()["StatusText"] == "up" and "isn't of the sandbox" in unit.log(), unit.log()


def survivor(user: str, name: str) -> subprocess.Popen:
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", "-i", f"HOME=/home/{user}", "PATH=/usr/local/bin:/usr/bin:/bin",
             f"XDG_RUNTIME_DIR=/run/user/{uid(user)}", "sbx", "run", "--scope", "require", "-m", "100M", "--name", name, "--", "sleep", "200"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", text=True)
    scope = f"systemctl --user is-active sbx-untrusted-{name}.scope"
    wait_for(lambda: as_user(user, scope).stdout.strip() == "active", 30, name)
    return process


def test_reload_and_reexec_of_the_manager_are_survived():
    program = script("server.py", SERVER)
    with Unit("sbx-t-lives.service", service(f"-p service -- python3 {program}", "Type=notify", "Delegate=yes", "WatchdogSec=20s"), "tester") as unit:
        main = unit.start().show()["MainPID"]
        sbx = survivor("tester", "lives")
        try:
            for command in ("daemon-reload", "daemon-reexec"):
                ok(as_user("tester", f"systemctl --user {command}"))
                ok(run(f"systemctl {command}"))
                time.sleep(3)
                assert unit.show()["MainPID"] == main and unit.show()["ActiveState"] == "active", (command, unit.show())
                assert sbx.poll() is None and as_user("tester", "systemctl --user is-active sbx-untrusted-lives.scope").stdout == "active\n", command
            os.kill(int(main), 1)
            unit.wait(StatusText="reloaded 1")  # the relay still reaches the manager
        finally:
            sbx.terminate()
            sbx.wait(30)


def logged_in(user: str, name: str) -> None:
    """A session that starts a sandbox under the user's manager and ends. One in the background of the session itself would
    keep the session, and with it the manager: Debian's logind has KillUserProcesses=no."""
    command = f"systemd-run --user --quiet sbx run --scope require --name {name} -- sleep 200; for i in $(seq 100); do systemctl --user -q is-active sbx-untrusted-{name}.scope && break; sleep 0.1; done"
    ok(run(["systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--property=User={user}", "--property=PAMName=login",
            f"--working-directory=/home/{user}", "sh", "-c", command]))


def test_logout_ends_sandboxes_of_who_does_not_linger():
    logged_in("walker", "bye")
    wait_for(lambda: not Path("/run/user/1001/bus").exists(), 60, "walker's manager to go")
    wait_for(lambda: not run("pgrep -u walker -f 'sleep 200'").stdout, 30, "the sandbox to go")


def test_logout_leaves_sandboxes_of_who_lingers():
    logged_in("tester", "stay")
    time.sleep(15)  # longer than UserStopDelaySec=
    try:
        assert as_user("tester", "systemctl --user is-active sbx-untrusted-stay.scope").stdout == "active\n"
    finally:
        as_user("tester", "systemctl --user stop sbx-untrusted-stay.scope")

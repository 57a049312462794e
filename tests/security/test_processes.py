"""Processes, their memory and environment, sockets and IPC of the host."""

import os
import shutil
import signal
import socket
import subprocess
import time

import harness
import pytest



class Victim:
    def __init__(self, caller, attackers):
        self.process = caller.start(attackers.words("victim", ["the-secret-in-memory"]), stdout=subprocess.PIPE)
        pid, self.address = self.process.stdout.readline().split()
        self.pid = int(pid)

    def hits(self):
        self.process.send_signal(signal.SIGCONT)  # an attacker may have left it stopped
        self.process.terminate()
        return int(self.process.communicate(timeout=10)[0])


WAYS = {"signal", "queue", "thread", "pidfd", "attach", "seize", "vm-read", "mem", "get-fd", "limits", "priority"}


def test_processes_outside(caller, attackers, layers):
    victim = Victim(caller, attackers)
    words = [victim.pid, victim.address.decode(), "the-secret-in-memory"]
    control = attackers.outside(caller, "processes", *words)
    assert {"signal", "queue", "thread", "pidfd", "limits"} <= set(control.reached), control
    if caller.kind != "unshare":  # where the victim has a user namespace of its own
        assert {"vm-read", "mem", "attach", "get-fd"} <= set(control.reached), control
        assert control.reached["vm-read"] == ["the secret"]
    assert victim.hits() > 0

    victim = Victim(caller, attackers)
    words = [victim.pid, victim.address.decode(), "the-secret-in-memory"]
    attack = attackers.inside(caller, "processes", *words, profile=layers)
    assert not attack.reached and set(attack.refused) == WAYS, attack
    assert victim.hits() == 0


def test_processes_outside_of_a_shared_pid_namespace(caller, attackers):
    """The caller's pid namespace: the filter and Landlock's scope are what is left."""
    victim = Victim(caller, attackers)
    words = [victim.pid, victim.address.decode(), "the-secret-in-memory"]
    attack = attackers.inside(caller, "processes", *words, sbx=["--set", "namespaces.pid=false"])
    assert not {"signal", "queue", "thread", "pidfd", "attach", "seize", "vm-read", "mem", "get-fd"} & set(attack.reached), attack
    assert victim.hits() == 0


def test_init_is_out_of_reach(caller, attackers, layers):
    """pid 1 of the sandbox is sbx: no memory, no descriptor, no trace of it; signals that it doesn't handle are ignored."""
    attack = attackers.inside(caller, "processes", os.getpid(), "0x1000", "none", "init", profile=layers)
    assert not {"attach-init", "seize-init", "vm-read-init", "mem-init", "get-fd-init"} & set(attack.reached), attack
    killed = attackers.shell(caller, "trap '' TERM; kill -KILL 1; kill -TERM 1; kill -STOP 1; sleep 0.2; echo alive", profile=layers)
    assert killed.status == 0 and "alive" in killed.out, killed


def test_the_environment_of_the_caller_is_nowhere(caller, attackers, layers):
    environment = {"SBX_TEST_TOKEN": "first-halfsecond-half"}
    words = ["first-half", "second-half"]
    # The control: a shell that waits holds it.
    control = attackers.outside(caller, "environ", *words, env=environment)
    assert "environ" in control.reached, control
    attack = attackers.inside(caller, "environ", *words, env=environment, profile=layers)
    assert not attack.reached and set(attack.refused) == {"environ", "cmdline", "memory"}, attack


def test_what_the_command_line_gave_is_not_in_init(caller, attackers, layers):
    """A value given by -e belongs to the payload; sbx's own processes inside don't show it to others."""
    shown = attackers.shell(caller, "tr '\\0' ' ' < /proc/1/cmdline; tr '\\0' ' ' < /proc/1/environ; ls -l /proc/1/exe /proc/1/cwd /proc/1/root; true",
                            "-e", "GIVEN=value-of-the-command-line", profile=layers)
    assert "value-of-the-command-line" not in shown.out, shown
    assert "->" not in shown.out, shown


class TestSockets:
    def names(self, caller, listeners):
        runtime = caller.make_directory("runtime", 0o700)
        for directory in ("systemd", "gnupg", "pulse", "podman"):
            (runtime / directory).mkdir()
            caller.own(runtime / directory)
        (caller.home / ".gnupg").mkdir()
        agent = caller.make_directory("ssh-XXXXagent")
        paths = [runtime / "bus", runtime / "systemd" / "private", runtime / "systemd" / "notify", runtime / "gnupg" / "S.gpg-agent",
                 runtime / "gnupg" / "S.gpg-agent.ssh", runtime / "wayland-0", runtime / "pulse" / "native", runtime / "podman" / "podman.sock",
                 runtime / "keyring-control", caller.home / ".gnupg" / "S.gpg-agent", agent / "agent.1"]
        for path in paths:
            listeners(path, mode=0o777)
        environment = {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
                       "SSH_AUTH_SOCK": str(agent / "agent.1"), "DISPLAY": ":99", "WAYLAND_DISPLAY": "wayland-0"}
        return [str(path) for path in paths], environment

    @pytest.mark.parametrize("network", ["none", "host"])
    def test_sockets_of_the_session(self, caller, attackers, listeners, network, layers):
        paths, environment = self.names(caller, listeners)
        control = attackers.outside(caller, "sockets", *paths, env=environment)
        assert set(control.reached) == set(paths), control
        attack = attackers.inside(caller, "sockets", *paths, env=environment, sbx=["--set", f"network.mode={network}"], profile=layers)
        assert not attack.reached and set(attack.refused) == set(paths), attack

    # Sockets of the system and of X11, and of agents that put theirs below /tmp.
    SYSTEM = ["/run/dbus/system_bus_socket", "/run/systemd/private", "/run/systemd/notify", "/run/systemd/journal/stdout",
              "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/snapd.socket",
              "/tmp/.X11-unix/X0", "/tmp/.ICE-unix/1", "/tmp/ssh-abc/agent.2", "/tmp/tmux-1000/default"]

    @pytest.mark.parametrize("profile", ["untrusted", "build", "shell", "mounts-alone"])
    @pytest.mark.parametrize("kind", ["user", "root"])
    def test_sockets_of_the_system(self, request, attackers, listeners, profile, kind):
        """Shown in place of /run and /tmp by a mount namespace of the test's own, with /mnt for what is needed."""
        caller = request.getfixturevalue(kind)
        run, tmp, own = (caller.make_directory(name, 0o755) for name in ("run", "tmp", "own"))
        for path in self.SYSTEM:
            real = {"run": run, "tmp": tmp}[path.split("/")[1]] / path[5:]
            real.parent.mkdir(parents=True, exist_ok=True)
            listeners(real, mode=0o777)
        for directory in ("home", "work"):
            (own / directory).mkdir()
            caller.own(own / directory)
        for program in (caller.programs.sbx, attackers.path("attack_sockets")):
            shutil.copy(program, own)
        shutil.copytree(caller.programs.profiles, own / "profiles")
        loose = attackers.profile(caller, "mounts-alone")
        shutil.copy(loose, own / "profiles")
        view = ["unshare", "-m", "sh", "-c", f'mount --bind {own} /mnt && mount --bind {run} /run && mount --bind {tmp} /tmp && '
                'cd /mnt/work && exec "$@"', "sh"]
        environment = {**caller.environment, "SBX_PROFILE_PATH": "/mnt/profiles", "HOME": "/mnt/home"}

        def execute(words):
            result = subprocess.run(view + caller.prefix() + words, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                    timeout=60)
            return harness.Outcome(result.returncode, result.stdout, result.stderr, 0)

        control = execute(["/mnt/attack_sockets", *self.SYSTEM])
        assert control.out.count("reached ") == len(self.SYSTEM), control
        attack = execute(["/mnt/sbx", "run", "--profile", profile, "--set", "systemd.scope=none", "--ro", "/mnt/attack_sockets",
                          "--", "/mnt/attack_sockets", *self.SYSTEM])
        assert attack.status == 0 and "reached" not in attack.out, attack
        assert attack.out.count("refused ") == len(self.SYSTEM), attack

    @pytest.mark.parametrize("network", ["none", "host"])
    def test_abstract_sockets(self, caller, attackers, listeners, network):
        names = [listeners(f"@/tmp/.X11-unix/X{os.getpid()}"), listeners(f"@sbx-test-{os.getpid()}")]
        gram = "dgram:" + listeners(f"@sbx-test-dgram-{os.getpid()}", dgram=True)
        control = attackers.outside(caller, "sockets", *names, gram)
        assert set(control.reached) == {*names, gram[6:]}, control
        attack = attackers.inside(caller, "sockets", *names, gram, sbx=["--set", f"network.mode={network}"])
        assert not attack.reached and set(attack.refused) == {*names, gram[6:]}, attack

    def test_ports_of_the_host(self, caller, attackers, layers):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(8)
            port = f":{server.getsockname()[1]}"
            assert attackers.outside(caller, "sockets", port).reached
            attack = attackers.inside(caller, "sockets", port, profile=layers)
            assert not attack.reached and port in attack.refused, attack
            # The positive side: a profile that says so reaches it.
            assert attackers.inside(caller, "sockets", port, sbx=["--set", "network.mode=host"]).reached

    def test_families_that_no_namespace_confines(self, caller, attackers):
        """AF_VSOCK reaches the hypervisor from every network namespace; AF_ALG is the kernel's ciphers."""
        attack = attackers.inside(caller, "sockets", "vsock", "alg")
        assert attack.refused == {"vsock": "EAFNOSUPPORT", "alg": "EAFNOSUPPORT"}, attack


def test_ipc_of_the_host(caller, attackers, layers):
    key, name = 0x5B000000 + os.getpid(), f"/sbx-test-{os.getpid()}"
    owner = caller.start(attackers.words("ipc", ["--make", key, name, "secret-of-the-segment"]), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    try:
        memory, queue = owner.stdout.readline().decode().split()
        words = [key, name, memory, queue]
        attack = attackers.inside(caller, "ipc", *words, profile=layers)
        assert not attack.reached and len(attack.refused) == 6, attack
        control = attackers.outside(caller, "ipc", *words)
        assert control.reached["shm-key"] == control.reached["shm-id"] == ["secret-of-the-segment"], control
        assert {"msg-key", "posix-queue", "table"} <= set(control.reached), control
    finally:
        owner.stdin.close()
        owner.wait(10)


@pytest.mark.parametrize("end", [True, False], ids=["payload-ends", "sbx-is-killed"])
def test_orphans_do_not_survive(caller, attackers, end, layers):
    known = set(harness.descendants(os.getpid()))
    for attempt in range(1 if end else 25):
        process = attackers.start(caller, "orphans", *(["end"] if end else []), profile=layers, stdout=subprocess.PIPE)
        assert process.stdout.readline().startswith(b"reached started"), attempt
        time.sleep(0.001 * attempt)
        if end:
            assert process.wait(10) == 0
        else:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        left = harness.leftovers(harness.mounts(), harness.traces(), known)
        assert not left, (attempt, left)


def test_orphans_survive_without_sbx(caller, attackers):
    """The control of the test above."""
    known = set(harness.descendants(os.getpid()))
    process = caller.start(attackers.words("orphans", ["end"]), stdout=subprocess.DEVNULL)
    process.wait(10)
    time.sleep(0.3)
    left = {pid for pid in harness.descendants(os.getpid()) if pid not in known}
    assert len(left) >= 3
    # One of them forks all the time: it is stopped by freezing whatever is seen until all that is left is frozen.
    end = time.monotonic() + 20
    while True:
        left = {pid for pid in harness.descendants(os.getpid()) if pid not in known}
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        harness.reap_orphans(known)
        if not left:
            break
        assert time.monotonic() < end, left

"""What the GitLab executor and the plain wrapper share: one command of a job in a sandbox, and what it used."""

import ctypes
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def add_options(parser):
    parser.add_argument("--sbx", default="sbx", help="the program (default: sbx, found in PATH)")
    parser.add_argument("--profile", default="ci", help="the profile of all that runs for a job (default: ci)")
    parser.add_argument("--shared", action="append", default=[], metavar="DIR",
                        help="a cache that all jobs share, shown read-only; can be repeated")
    parser.add_argument("--network", default="none", help="the network of the job's own commands (default: none)")
    parser.add_argument("--memory", metavar="SIZE", help="a limit in place of the profile's")
    parser.add_argument("--cpus", metavar="NUMBER", help="a limit in place of the profile's")
    parser.add_argument("--pids-limit", metavar="NUMBER", help="a limit in place of the profile's")


def sandbox_options(options, network, timeout):
    words = ["--profile", options.profile, "--network", network]
    if network == "host":
        words += ["--set", 'fallback.require=["!net"]']  # the ci profile asks for a network of its own
    for directory in options.shared:
        words += ["--ro", directory]
    limits = {"--memory": options.memory, "--cpus": options.cpus, "--pids-limit": options.pids_limit, "--timeout": timeout}
    for name, value in limits.items():
        if value:
            words += [name, str(value)]
    return words


class Ran:
    """How one command went. `status` is None where it never started; `why` says so then."""

    def __init__(self, status, why, report):
        self.status, self.why, self.report = status, why, report


def run_sandbox(options, words, command, directory, report_file, lock=None):
    """Runs `command` from `directory`. Ends with it: by SIGTERM first, which is passed on, and by this process' death."""
    parent = os.getpid()

    def die_with_parent():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # sbx killed is a sandbox gone
        if os.getppid() != parent:
            os._exit(1)

    read_end, write_end = os.pipe()
    inherited = [write_end] + ([lock] if lock is not None else [])
    process = subprocess.Popen([options.sbx, "run", *words, f"--report=json:{report_file}", "--status-fd", str(write_end),
                                "--", *command], cwd=directory, pass_fds=inherited, preexec_fn=die_with_parent)
    os.close(write_end)
    said = []
    reader = threading.Thread(target=lambda: said.extend(os.fdopen(read_end).read().splitlines()), daemon=True)
    reader.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.send_signal(signal.SIGTERM))
    status = process.wait()
    reader.join(10)
    lines = {}
    for line in said:
        lines.update(json.loads(line))
    if "exit-code" not in lines:
        return Ran(None, lines.get("error", f"sbx ended with {status}"), None)
    return Ran(lines["exit-code"], None, json.loads(pathlib.Path(report_file).read_text()))


def used(report):
    """{what: number} of a report, to be added up."""
    cgroup = report["cgroup"]
    cpu = cgroup["cpu_usage_us"]
    return {"wall_us": report["wall_time_us"], "memory": cgroup["memory_peak_bytes"] or report["max_rss_bytes"],
            "cpu_us": report["user_time_us"] + report["system_time_us"] if cpu is None else cpu,
            "read": cgroup["io_read_bytes"] or 0, "written": cgroup["io_write_bytes"] or 0,
            "oom_kills": cgroup["oom_kills"] or 0}


def in_words(use):
    text = (f"{use['wall_us'] / 1e6:.1f} s, {use['cpu_us'] / 1e6:.1f} s of CPU, memory peak {use['memory'] / 2**20:.0f} MiB")
    if use["read"] or use["written"]:
        text += f", {use['read'] / 2**20:.0f} MiB read, {use['written'] / 2**20:.0f} MiB written"
    return text + (f", {use['oom_kills']} kills for memory" if use["oom_kills"] else "")


def tell(text):
    print(f"sbx-ci: {text}", file=sys.stderr, flush=True)


def hold(path):
    """A lock that sbx inherits: held as long as it lives."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock

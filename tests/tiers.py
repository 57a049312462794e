"""Builds and runs the tiers of tests and counts what passed: the half of tools/test that comes after the packages."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(tempfile.mkdtemp(prefix="sbx-tests-results-"))
PLAIN = TOP / "build-test"
SANITIZED = TOP / "build-sanitized"
# Tests that sanitizers would only slow down, or whose subject they change.
NOT_SANITIZED = "not five_thousand and not cost_is_linear and not low_limit_of_memory and not few_descriptors"
FUZZ_SECONDS = 60

sys.path.insert(0, str(TOP / "tests"))


class Count:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def fuzz_seed():
    """Of the sources' state: another commit looks elsewhere, and the same one again at the same."""
    tree = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], cwd=TOP, stdout=subprocess.PIPE, text=True, check=False)
    return int(tree.stdout[:7] or "1", 16) + 1


def say(text):
    print(f"\033[1m==> {text}\033[0m" if sys.stdout.isatty() else f"==> {text}", flush=True)


def run(words, timeout, env=None, **options):
    """The status of a command whose output is shown; 124 where it took too long."""
    process = subprocess.Popen([str(word) for word in words], cwd=TOP, env={**os.environ, **(env or {})},
                               start_new_session=True, **options)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        say(f"still running after {timeout} s: {words[0]}")
        os.killpg(process.pid, 9)
        process.wait()
        return 124
    except BaseException:
        os.killpg(process.pid, 15)
        raise


def junit(path, status):
    """Counts of a JUnit file; a run that left none, or failed in no test of its own, is a failure itself."""
    count = Count()
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return Count(failed=1)
    for case in root.iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            count.failed += 1
        elif "skipped" in kinds:
            count.skipped += 1
        else:
            count.passed += 1
    if status != 0 and count.failed == 0:
        count.failed = 1
    return count


class Tiers:
    def __init__(self, options):
        self.options = options
        self.built = {}

    def build(self, directory, *meson, compiler=None):
        """Builds once; true where it worked."""
        if directory not in self.built:
            begin = time.monotonic()
            say(f"building {directory.name}")
            env = {}
            if compiler:
                cache = "ccache " if shutil.which("ccache") else ""
                env = {"CXX": cache + compiler[0], "CC": cache + compiler[1]}
            words = ["bash", "-c", '. tools/lib.sh; build_sbx "$@"', "build", directory, "--", *meson]
            self.built[directory] = run(words, 2400, env) == 0
            say(f"building {directory.name} took {time.monotonic() - begin:.0f} s")
        return self.built[directory]

    def build_plain(self):
        return self.build(PLAIN, "--buildtype=debugoptimized", "-Dstatic_libraries=true")

    def build_sanitized(self):
        return self.build(SANITIZED, "--buildtype=debugoptimized", "-Dstatic_libraries=false", "-Dfuzzers=true",
                          "-Db_sanitize=address,undefined", "-Db_lundef=false", compiler=("clang++-19", "clang-19"))

    def pytest(self, name, *words, env=None, directory=PLAIN, timeout=1500, jobs=None):
        target = RESULTS / f"{name}.xml"
        jobs = self.options.jobs if jobs is None else jobs
        parallel = ["-n", str(jobs)] if jobs > 1 else []
        env = {"SBX_BUILD_DIR": str(directory), **(env or {})}
        if self.options.ci:
            env["SBX_TEST_NO_SKIP"] = "1"
        status = run(["/usr/bin/python3", "-m", "pytest", "-q", f"--junitxml={target}", *parallel, *words], timeout, env)
        return junit(target, 0 if status == 5 else status)

    def catch(self, name, directory, env=None):
        total = Count()
        # The command line's own tests link what touches the system too, and so are a program of their own.
        for program in ("unit", "unit-cli"):
            target = RESULTS / f"{name}-{program}.xml"
            status = run([directory / "tests/unit" / program, "-r", "junit", "-o", target], 300, env)
            count = junit(target, status)
            if count.failed:
                run([directory / "tests/unit" / program], 300, env)
            total.add(count)
        return total

    def unit(self):
        if not self.build_plain():
            return Count(failed=1)
        count = self.catch("unit", PLAIN)
        count.add(self.pytest("source", "tests/source", jobs=1))
        return count

    def host(self):
        if not self.build_plain():
            return Count(failed=1)
        return self.pytest("host", "tests/host")

    def old_kernel(self):
        if not self.build_plain():
            return Count(failed=1)
        import harness
        env = {"SBX_TEST_DENY": f"ENOSYS:{harness.NEW_CALLS}", "SBX_TEST_KILLS": "100"}
        return self.pytest("old-kernel", "tests/host", "-m", "not new_kernel", "--callers", "user,root", env=env)

    def security(self):
        if not self.build_plain():
            return Count(failed=1)
        return self.pytest("security", "tests/security")

    def sanitizers(self):
        if not self.build_sanitized():
            return Count(failed=1)
        env = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
        count = self.catch("unit-sanitized", SANITIZED, env)
        env.update({"SBX_TEST_SANITIZED": "1", "SBX_TEST_SLOWNESS": "4", "SBX_TEST_KILLS": "40",
                    "ASAN_OPTIONS": env["ASAN_OPTIONS"].replace("leaks=1", "leaks=0")})
        count.add(self.pytest("host-sanitized", "tests/host", "-k", NOT_SANITIZED, "--callers", "user,root", env=env,
                              directory=SANITIZED))
        return count

    def fuzz(self):
        if not self.build_sanitized():
            return Count(failed=1)
        targets = [path for path in sorted((SANITIZED / "tests/fuzz").glob("fuzz_*"))
                   if path.is_file() and os.access(path, os.X_OK)]
        count = Count(failed=0 if targets else 1)
        while targets:
            batch, targets = targets[:self.options.jobs], targets[self.options.jobs:]
            running = []
            for target in batch:
                say(f"fuzzing {target.name} for {FUZZ_SECONDS} s")
                corpus = RESULTS / target.name
                corpus.mkdir()
                kept = TOP / "tests/fuzz/corpus" / target.name.removeprefix("fuzz_")
                log = open(RESULTS / f"{target.name}.log", "w+b")
                words = [target, f"-seed={fuzz_seed()}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                         f"-dict={TOP}/tests/fuzz/profile.dict",
                         f"-artifact_prefix={RESULTS}/{target.name}-", corpus, *([kept] if kept.is_dir() else [])]
                running.append((target, log, subprocess.Popen(words, stdout=log, stderr=log, cwd=TOP)))
            for target, log, process in running:
                try:
                    status = process.wait(FUZZ_SECONDS + 120)
                except subprocess.TimeoutExpired:
                    process.kill()
                    status = process.wait()
                log.seek(0)
                text = log.read().decode(errors="replace")
                runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
                say(f"{target.name}: {runs[1] if runs else 'no'} inputs, status {status}")
                if status != 0 or not runs:
                    print(text[-6000:])
                count.add(Count(passed=1) if status == 0 and runs else Count(failed=1))
        return count

    def vm(self):
        if not self.build_plain():
            return Count(failed=1)
        log = RESULTS / "vm.log"
        tee = subprocess.Popen(["tee", log], stdin=subprocess.PIPE)
        status = run(["tests/vm/run"], 2700, {"SBX_BUILD_DIR": str(PLAIN)}, stdout=tee.stdin, stderr=subprocess.STDOUT)
        tee.stdin.close()
        tee.wait(10)
        found = re.findall(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", log.read_text(errors="replace"))
        if not found:
            return Count(failed=1)
        count = Count(*(int(number or 0) for number in found[-1]))
        if status != 0 and count.failed == 0:
            count.failed = 1
        return count


NAMES = ["unit", "host", "old-kernel", "security", "sanitizers", "fuzz", "vm"]


def main():
    parser = argparse.ArgumentParser(prog="tools/test")
    parser.add_argument("--ci", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("tiers", nargs="*")
    options = parser.parse_args()
    unknown = [name for name in options.tiers if name not in NAMES]
    if unknown:
        parser.error(f"no tier is named {unknown[0]}; the tiers are {' '.join(NAMES)}")
    tiers, total, summary = Tiers(options), Count(), []
    for name in options.tiers or NAMES:
        say(f"tier {name}")
        begin = time.monotonic()
        try:
            count = getattr(tiers, name.replace("-", "_"))()
        except OSError as problem:
            print(f"tier {name} can't run: {problem}")
            count = Count(failed=1)
        if options.ci and count.passed + count.failed == 0:
            count.failed = 1
        seconds = time.monotonic() - begin
        say(f"tier {name}: {count} ({seconds:.0f} s)")
        summary.append(f"{name:<12}{str(count):<44}{seconds:6.0f} s")
        total.add(count)
    shutil.rmtree(RESULTS, ignore_errors=True) if total.failed == 0 else say(f"logs are in {RESULTS}")
    say("summary")
    print("\n".join(summary))
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

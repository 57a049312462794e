"""examples/ci: GitLab Runner's custom executor, driven as the runner drives it, and the plain wrapper."""

import os
import pathlib
import shutil
import signal

import pytest

import harness

BUILD_FAILURE, SYSTEM_FAILURE = 71, 72


class Runner:
    """Calls the four executables with what a job's variables and the runner's own would be."""

    def __init__(self, caller):
        self.caller = caller
        # Copied to where every user can read.
        self.programs = caller.make_directory("ci")
        for path in (harness.SOURCE / "examples/ci").iterdir():
            if path.is_file():
                shutil.copy(path, self.programs)
        self.directory = caller.make_directory("state") / "jobs"
        self.shared = caller.make_directory("shared")
        caller.write(self.shared / "dependency", "shared\n")
        # The shipped profile requires limits that no service manager is here to give.
        profile = caller.profile('extends = ["ci"]\n[systemd]\nscope = "none"\n[limits]\nwall_time = "20s"\n[fallback]\n'
                                 'require = ["!memory", "!cpu", "!pids"]\naccept = ["memory", "cpu", "pids", "scope"]\n')
        self.options = ["--directory", self.directory, "--sbx", caller.programs.sbx, "--profile", profile, "--shared",
                        self.shared]
        self.environment = {"BUILD_FAILURE_EXIT_CODE": str(BUILD_FAILURE), "SYSTEM_FAILURE_EXIT_CODE": str(SYSTEM_FAILURE),
                            "CUSTOM_ENV_CI_JOB_ID": "../../etc", "BUILD_EXIT_CODE_FILE": str(caller.work / "status")}
        self.scripts = 0

    def call(self, what, *arguments, start=False, **options):
        words = ["python3", "-B", self.programs / "gitlab-executor", what, *self.options, *arguments]
        if start:
            return self.caller.start(words, env=self.environment, **options)
        return self.caller.execute(words, env=self.environment, **options)

    def config(self):
        outcome = self.call("config")
        assert outcome.status == 0, outcome
        answer = outcome.json()
        self.environment.update(answer["job_env"])
        self.job = pathlib.Path(answer["job_env"]["SBX_CI_JOB"])
        return answer

    def run(self, stage, text, **options):
        self.scripts += 1
        script = self.caller.write(self.caller.work / f"script{self.scripts}", text, 0o700)
        return self.call("run", script, stage, **options)


@pytest.fixture
def runner(user):
    return Runner(user)


def test_a_job_from_config_to_cleanup(runner):
    answer = runner.config()
    assert answer["driver"]["name"] == "sbx" and answer["builds_dir_is_shared"] is False
    assert answer["builds_dir"].startswith(str(runner.directory)) and os.stat(answer["builds_dir"]).st_uid == runner.caller.uid
    outcome = runner.call("prepare")
    assert outcome.status == 0 and "network none" in outcome.err, outcome
    outcome = runner.run("get_sources", "echo source > source; ls /sys/class/net | wc -l")
    assert outcome.status == 0, outcome
    text = (f"cat source {runner.shared}/dependency; echo built > product; echo c > {answer['cache_dir']}/c\n"
            f"touch {runner.shared}/poison 2>&1; ls {runner.caller.home} {runner.directory}; echo CI=$CI\n"
            "tail -n +3 /proc/net/dev | wc -l")
    outcome = runner.run("step_script", text)
    assert outcome.status == 0, outcome
    assert "source\nshared\n" in outcome.out and "CI=1" in outcome.out and outcome.out.endswith("\n1\n")
    assert not (runner.shared / "poison").exists()
    assert (runner.job / "builds/product").read_text() == "built\n"
    assert "sbx-ci: step_script: " in outcome.err and "of CPU, memory peak" in outcome.err
    outcome = runner.run("after_script", "cat product")
    assert outcome.out == "built\n"
    outcome = runner.call("cleanup")
    assert outcome.status == 0 and "the job in all: " in outcome.err, outcome
    assert list(runner.directory.iterdir()) == []


def test_failures_are_told_apart(runner):
    runner.config()
    outcome = runner.run("step_script", "exit 7")
    assert outcome.status == BUILD_FAILURE and (runner.caller.work / "status").read_text() == "7", outcome
    outcome = runner.run("build_script", "kill -9 $$")
    assert outcome.status == BUILD_FAILURE and (runner.caller.work / "status").read_text() == "137"
    runner.options += ["--memory", "no-size"]
    outcome = runner.run("step_script", "true")
    assert outcome.status == SYSTEM_FAILURE and "step_script: " in outcome.err
    assert runner.call("cleanup").status == 0


def test_time_is_limited(runner):
    runner.config()
    runner.environment["CUSTOM_ENV_CI_JOB_TIMEOUT"] = "1"
    outcome = runner.run("step_script", "sleep 60")
    assert outcome.status == BUILD_FAILURE and (runner.caller.work / "status").read_text() == "124"
    assert outcome.seconds < 15 * harness.SLOWNESS and "out of time" in outcome.err
    runner.call("cleanup")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_processes_end_with_the_executor(runner, number):
    """As the runner cancels a job: SIGTERM, and SIGKILL where that doesn't do."""
    runner.config()
    script = "trap '' TERM; setsid sleep 300 & echo ready > ready; " + ("wait" if number == signal.SIGKILL else "trap - TERM; wait")
    process = runner.run("step_script", script, start=True)
    harness.wait_for(lambda: (runner.job / "builds/ready").exists(), what="the job")
    process.send_signal(number)
    process.wait(20)
    harness.wait_for(lambda: not any("sleep" in name for name in harness.descendants(os.getpid()).values()), what="the end of all")
    assert runner.call("cleanup").status == 0
    assert list(runner.directory.iterdir()) == []


def test_a_job_can_not_name_another_ones_directory(runner, place):
    runner.config()
    kept = runner.job
    for value in ("/etc", str(runner.directory), str(kept) + "/builds", str(runner.directory / "job-absent"), ""):
        runner.environment["SBX_CI_JOB"] = value
        outcome = runner.call("cleanup")
        assert outcome.status == SYSTEM_FAILURE and kept.is_dir(), outcome


def test_cleanup_follows_no_link_and_minds_no_mode(runner):
    runner.config()
    victim = runner.caller.write("victim", "kept")
    outcome = runner.run("step_script", f"ln -s {runner.caller.work} out; mkdir -p deep/er; touch deep/er/file; chmod 0 deep/er deep")
    assert outcome.status == 0, outcome
    assert runner.call("cleanup").status == 0
    assert victim.exists() and list(runner.directory.iterdir()) == []


def test_the_plain_wrapper(runner):
    job = runner.caller.make_directory("work/job")
    words = ["python3", "-B", runner.programs / "sbx-job", *runner.options[2:], "--"]
    outcome = runner.caller.execute([*words, "sh", "-c", f"cat {runner.shared}/dependency; echo x > made; exit 4"], cwd=job)
    assert outcome.status == 4 and outcome.out == "shared\n" and (job / "made").exists(), outcome
    assert "memory peak" in outcome.err
    assert runner.caller.execute([*words, "absent-command"], cwd=job).status == 125


def test_the_shipped_profile_is_used_as_it_is(user):
    """Where its limits can't be had, as here, a job fails as the system's fault and never runs without."""
    runner = Runner(user)
    runner.options[5] = "ci"
    runner.config()
    outcome = runner.call("prepare")
    assert outcome.status == SYSTEM_FAILURE, outcome
    assert "prepare: " in outcome.err


def test_the_example_configuration_names_what_is_there():
    text = (harness.SOURCE / "examples/ci/config.toml").read_text()
    assert text.count("/gitlab-executor\"") == 4
    for stage in ("config", "prepare", "run", "cleanup"):
        assert f'{stage}_args = ["{stage}", "--directory"' in text

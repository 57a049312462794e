"""The manual pages are well formed, and each example of help and manual runs as it is written."""

import re
import subprocess

import pytest

import harness

MAN = harness.BUILD / "man"


@pytest.mark.parametrize("page", ["sbx.1", "sbx-profile.5"])
def test_page_is_well_formed(page):
    said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MAN / page], capture_output=True, text=True, timeout=30)
    # What mandoc knows of other pages depends on its index.
    lines = [line for line in said.stdout.splitlines() + said.stderr.splitlines() if "mandoc.db" not in line]
    assert lines == [] and said.returncode in (0, 1), lines


@pytest.mark.parametrize("page", ["sbx.1", "sbx-profile.5"])
def test_page_reads_the_same_in_groff_and_mandoc(page):
    read = {}
    for name, words in {"groff": ["man", "-l"], "mandoc": ["mandoc", "-T", "ascii"]}.items():
        text = subprocess.run([*words, MAN / page], capture_output=True, text=True, timeout=30, check=True,
                              env={"PATH": harness.PATH, "LANG": "C", "MANWIDTH": "200", "MANROFFOPT": "-c"}).stdout
        text = re.sub(".\b", "", re.sub(r"\x1b\[[0-9;]*m", "", text))
        # The first and last lines are the formatters' own; lines break at different places.
        read[name] = "".join("\n".join(text.splitlines()[1:-1]).split())
    # Formatters hyphenate and quote in ways of their own.
    plain = {name: re.sub(r"[^A-Za-z0-9]", "", text) for name, text in read.items()}
    assert plain["groff"] == plain["mandoc"]


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def test_manual_names_every_option_of_the_help(user):
    page = (MAN / "sbx.1").read_text().replace("\\-", "-").replace("Fl Fl ", "Fl --").replace("Fl -", "-")
    for command in ("run", "profile list", "profile show", "profile check", "profile diff", "doctor", "unit", "version"):
        help_text = user.sbx(*command.split(), "--help").out
        missing = {option for option in options_of(help_text) if option not in page}
        assert not missing, (command, missing)


def examples(user):
    """The commands of all Examples sections of the help; sbx(1) is made from the same table."""
    found = []
    for command in ("", "run", "profile", "profile list", "profile show", "profile check", "profile diff", "doctor",
                    "unit", "version", "help"):
        text = user.sbx("help", *command.split()).out
        found += re.findall(r"^  (sbx .*)$", text[text.index("Examples:"):], re.MULTILINE)
    return found


def literal_blocks(page):
    text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", MAN / page], capture_output=True, text=True,
                          timeout=30, check=True).stdout
    text = re.sub(".\b", "", text)
    return text[text.index("\nEXAMPLES"):text.index("\nSEE ALSO")]


# Where the status isn't 0 by the nature of the example.
STATUS = {"sbx profile diff untrusted build": 1}


@pytest.fixture
def project(user):
    """The directory that the examples speak of."""
    user.write("Makefile", "all check:\n\t@echo made > out\n")
    user.write("configure", "#!/bin/sh\necho configured > config.log\n", 0o755)
    user.write("job.py", "import os; assert os.environ['CI'] == '1'; print(os.listdir(os.path.expanduser('~/data')))\n")
    data = user.home / "data"
    data.mkdir(mode=0o755)
    user.own(data)
    user.write("mine.toml", 'description = "Mine"\nextends = ["base"]\n')
    user.bin = {"PATH": f"{user.programs.directory}:{harness.PATH}"}
    return user


def run_example(user, line):
    # Limits need a service manager: without one their loss is accepted, as the examples' reader would have to.
    words = line
    if re.search(r"(^| )(-m|--memory|--pids-limit|--cpus) ", line) or "tests.toml" in line and "sbx run" in line:
        words = line.replace("sbx run", "sbx run --accept memory --accept pids --accept cpu", 1)
    outcome = user.execute(["sh", "-c", words], env=user.bin)
    assert outcome.status == STATUS.get(line, 0), (line, outcome)
    return outcome


def test_examples_of_the_help_run_as_written(project):
    lines = examples(project)
    assert len(lines) > 20
    for line in lines:
        if line == "sbx doctor" or line.startswith("sbx doctor "):
            assert project.execute(["sh", "-c", line], env=project.bin).status in (0, 1)
        else:
            run_example(project, line)
    assert (project.work / "config.log").read_text() == "configured\n"
    assert (project.work / "out").read_text() == "made\n"


def test_examples_of_the_profile_manual_run_as_written(project):
    text = literal_blocks("sbx-profile.5")
    block = re.search(r"tests\.toml:\n\n(.*?)\n\n\S?     ?\S", text, re.DOTALL)
    lines = [line for line in text.splitlines()]
    begin = next(i for i, line in enumerate(lines) if line.strip().startswith("description ="))
    end = next(i for i, line in enumerate(lines) if line.strip().startswith("wall_time"))
    project.write("tests.toml", "\n".join(line.strip() for line in lines[begin:end + 1]) + "\n")
    commands = re.findall(r"\$ (sbx .*)", text)
    assert len(commands) >= 4, (text, block)
    for line in commands:
        run_example(project, line.strip())
    assert (project.work / "out").read_text() == "made\n"

"""Completions, asked of the real shells: bash and zsh on a terminal with the keys a user has, fish by its own engine."""

import shutil

import pytest

import harness

# The golden file of each subcommand's help is named after it.
COMMANDS = sorted(path.stem for path in (harness.SOURCE / "tests/data/help").glob("*.txt")
                  if "-" not in path.stem and path.stem != "sbx")

COMPLETIONS = harness.BUILD / "completions"

# What is typed, and all that can stand in place of its last word: the same in every shell.
CASES = {
    "sbx ": COMMANDS,
    "sbx pr": ["profile"],
    "sbx profile ": ["check", "diff", "list", "show"],
    "sbx run --mem": ["--memory", "--memory-swap"],
    "sbx run --network ho": ["host"],
    "sbx run --network=ho": ["--network=host"],
    "sbx run --net ho": ["host"],
    "sbx run -p buil": ["build"],
    "sbx run -itp untr": ["untrusted"],
    "sbx run --profile=untr": ["--profile=untrusted"],
    "sbx run -p ./mi": ["./mine.toml"],
    "sbx run --ro da": ["data.txt"],
    "sbx run -v ./su": ["./sub/"],
    "sbx run -v ./sub:/etc/pass": ["./sub:/etc/passwd", "./sub:/etc/passwd-"],
    "sbx run -v ./sub:/srv:r": ["./sub:/srv:ro", "./sub:/srv:rw"],
    "sbx run --set cgroup.memory.ma": ["cgroup.memory.max="],
    "sbx run --ulimit=nof": ["--ulimit=nofile="],
    "sbx run --report=js": ["--report=json:"],
    "sbx run --report=json:da": ["--report=json:data.txt"],
    "sbx run -e HOM": ["HOME"],
    "sbx run -m 5m --cpus 1 --tim": ["--timeout"],
    # From the first word that is no option the payload's own completion takes over.
    "sbx run cat da": ["data.txt"],
    "sbx run -m 5m -- cat da": ["data.txt"],
    "sbx run cat --mem": [],
    "sbx profile show untr": ["untrusted"],
    "sbx profile show --eff": ["--effective"],
    "sbx profile diff build untr": ["untrusted"],
    "sbx doctor --js": ["--json"],
    "sbx help ke": ["keys"],
}


@pytest.fixture
def shells(user):
    """The directory a user types in, and the environment of the shell."""
    for name in ("mine.toml", "data.txt"):
        user.write(name)
    user.make_directory("work/sub/deep")
    target = user.make_directory("completions")
    for name in ("sbx", "_sbx", "sbx.fish"):
        shutil.copy(COMPLETIONS / name, target / name)
        (target / name).chmod(0o644)
    user.completions = target
    user.shell_environment = {"PATH": f"{user.programs.directory}:{harness.PATH}", "TERM": "dumb", "PS1": "> "}
    return user


def on_terminal(terminal, user, shell, setup, typed, insert_all):
    """What stands in the line after all matches were put into it, but for the words before the one completed."""
    session = terminal(user, shell, columns=4000, env=user.shell_environment)
    script = user.write(user.directory / "setup", setup.replace("@", str(user.completions)))
    session.expect("> ")
    session.type(f"source {script}; echo re''ady\n")
    session.expect("ready\r\n")
    session.expect("> ")
    session.type(typed + insert_all + "\x181")
    line = session.expect("<<(.*?)>>")[1].decode()
    begin = typed[:typed.rindex(" ") + 1]
    assert line.startswith(begin), line
    return line[len(begin):].split()


BASH = r"""
bind 'set enable-bracketed-paste off'
source @/sbx
bind -x '"\C-x1": printf "<<%s>>\n" "$READLINE_LINE"'
"""

ZSH = r"""
unsetopt prompt_sp prompt_cr; unset zle_bracketed_paste
fpath=(@ $fpath); autoload -Uz compinit; compinit -u -D
zle -C all-matches complete-word _generic; bindkey '^Xa' all-matches
zstyle ':completion:all-matches:*' insert true
zstyle ':completion:all-matches::::' completer _all_matches _complete
dump() { print -r -- "<<$BUFFER>>" }; zle -N dump; bindkey '^X1' dump
"""


def same(found, expected, typed):
    """Where the shells agree but for what they put behind a match."""
    word = typed[typed.rindex(" ") + 1:]
    if not expected:
        assert found in ([], [word]), (found, word)
        return
    # Bash and zsh leave "=" off an option that takes a value, or put it there; bash repeats no common beginning
    # before : and =, and marks directories only when it lists them.
    plain = {name.rstrip("=/") for name in found}
    kept = max(word.rfind("="), word.rfind(":")) + 1
    wanted = {name.rstrip("=/") for name in expected}
    assert {name if name.startswith(word[:kept]) else word[:kept] + name for name in plain} == wanted, (found, expected)


@pytest.mark.parametrize("bash_completion", ["alone", "bash-completion"])
def test_bash(shells, terminal, bash_completion):
    setup = BASH if bash_completion == "alone" else "source /usr/share/bash-completion/bash_completion\n" + BASH
    for typed, expected in CASES.items():
        found = on_terminal(terminal, shells, ["bash", "--norc", "--noprofile", "-i"], setup, typed, "\x1b*")
        if typed == "sbx ":
            found = [name for name in found if not name.startswith("-")]
        same(found, expected, typed)


def test_zsh(shells, terminal):
    for typed, expected in CASES.items():
        found = on_terminal(terminal, shells, ["zsh", "-f", "-i"], ZSH, typed, "\x18a")
        same(found, expected, typed)


def test_fish(shells):
    for typed, expected in CASES.items():
        outcome = shells.execute(["fish", "-c", f"source {shells.completions}/sbx.fish; complete -C $argv[1]", typed],
                                 env=shells.shell_environment)
        word = typed[typed.rindex(" ") + 1:]
        # Fish offers what contains the letters somewhere as well, after what begins with them.
        found = [line.split("\t")[0] for line in outcome.out.splitlines()]
        same([name for name in found if name.startswith(word)], expected, typed)


def test_scripts_are_well_formed():
    harness.subprocess.run(["bash", "-n", COMPLETIONS / "sbx"], check=True, timeout=30)
    harness.subprocess.run(["zsh", "-n", COMPLETIONS / "_sbx"], check=True, timeout=30)
    harness.subprocess.run(["fish", "-n", COMPLETIONS / "sbx.fish"], check=True, timeout=30)

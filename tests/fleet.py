"""Sandboxes in the background, for the tests of what looks at and acts on them."""

import subprocess

import harness


class Fleet:
    """Sandboxes of one caller in the background."""

    def __init__(self, caller):
        self.caller = caller

    def start(self, *command, name=None, options=()):
        words = [self.caller.programs.sbx, "run", "--profile", "plain", "--set", "systemd.scope=none", *(["--name", name] if name else []),
                 *options, "--", *command]
        process = self.caller.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return process

    def ps(self, *options):
        outcome = self.caller.sbx("ps", "--json", *options)
        assert outcome.status == 0, outcome
        return outcome.json()

    def named(self, name):
        found = [one for one in self.ps() if one["name"] == name]
        return found[0] if found else None

    def started(self, *command, name, options=()):
        """(the process, its row), once the command runs."""
        ready = self.caller.work / f"ready-{name}-{len(self.caller.running)}"
        script = 'echo $$ > "$0"; exec "$@"'
        process = self.start("/bin/sh", "-c", script, ready, *command, name=name, options=["--rw", self.caller.work, *options])
        harness.wait_for(lambda: ready.exists() and ready.read_text().endswith("\n"), 20, f"{name} ({process.poll()})")
        row = self.named(name)
        assert row, self.ps()
        return process, row

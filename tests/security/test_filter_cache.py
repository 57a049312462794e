"""The cache of compiled filters: what others could have written isn't believed."""

import hashlib
import os
import struct
import subprocess

import harness
import pytest

ALLOW_ALL = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)  # BPF_RET, SECCOMP_RET_ALLOW


class Cache:
    """A policy of the test's own, so that no installed filter serves, in a cache of the test's own."""

    def __init__(self, caller, attackers):
        self.caller, self.attackers = caller, attackers
        self.runtime = caller.make_directory("runtime", 0o700)
        self.directory = self.runtime / "sbx" / "filters"

    def run(self):
        return self.attackers.inside(self.caller, "foreign_calls", env={"XDG_RUNTIME_DIR": str(self.runtime)},
                                     sbx=["--set", 'seccomp.deny=["quotactl", "acct"]'])

    def fill(self):
        assert not self.run().reached
        self.file, = self.directory.iterdir()
        self.content = self.file.read_bytes()
        self.digest = self.file.stem

    def plant(self, digest=None, bpf=ALLOW_ALL, mode=0o644, owner=None, whole=None):
        self.file.unlink(missing_ok=True)
        head = f"sbx-filter 1\n{digest or self.digest}\n{hashlib.sha256(bpf).hexdigest()}\n".encode()
        self.file.write_bytes(head + bpf if whole is None else whole)
        os.chmod(self.file, mode)
        os.chown(self.file, *(owner or (self.caller.uid, self.caller.gid)))


@pytest.fixture
def cache(caller, attackers):
    made = Cache(caller, attackers)
    made.fill()
    return made


def test_a_kept_filter_is_used(cache):
    """The control: a file that only the caller could have written is believed."""
    cache.plant()
    assert "int80" in cache.run().reached


@pytest.mark.parametrize("planted", [
    {"mode": 0o666}, {"mode": 0o664}, {"owner": (4711, 4711)}, {"digest": "0" * 64}, {"whole": b""}, {"whole": b"sbx-filter 1\n"},
    {"bpf": ALLOW_ALL + b"x"}, {"bpf": ALLOW_ALL * 5000}], ids=["all-write", "group-writes", "of-another", "of-another-policy",
                                                              "empty", "short", "odd", "huge"])
def test_what_others_could_have_written_is_not(cache, planted):
    if "owner" in planted and os.geteuid() != 0:
        pytest.skip("gives a file away, which needs root")
    cache.plant(**planted)
    assert not cache.run().reached
    assert cache.file.read_bytes() == cache.content  # compiled anew, and put in its place


def test_a_wrong_digest_of_the_program_is_not(cache):
    cache.plant(whole=cache.content[:-8] + ALLOW_ALL)
    assert not cache.run().reached


@pytest.mark.parametrize("kind", ["fifo", "symlink", "directory"])
def test_other_kinds_of_file_are_not(cache, kind):
    cache.plant()
    elsewhere = cache.directory / "elsewhere"
    cache.file.rename(elsewhere)
    if kind == "fifo":
        os.mkfifo(cache.file)
    elif kind == "symlink":
        os.symlink(elsewhere, cache.file)
    else:
        cache.file.mkdir()
    os.lchown(cache.file, cache.caller.uid, cache.caller.gid)
    assert not cache.run().reached


def test_a_directory_that_others_can_write_is_not(cache):
    cache.plant()
    os.chmod(cache.directory, 0o777)
    assert not cache.run().reached


def test_a_cache_that_cannot_be_written_stops_nothing(cache):
    for entry in cache.directory.iterdir():
        entry.unlink()
    os.chmod(cache.directory, 0o500)
    assert not cache.run().reached


def test_installation_compiles_what_the_profiles_ask_for(user, attackers, place):
    """The file that a run of a shipped profile would keep is the one that is installed."""
    cache = Cache(user, attackers)
    attackers.inside(user, "foreign_calls", env={"XDG_RUNTIME_DIR": str(cache.runtime)})
    kept, = cache.directory.iterdir()
    installed = os.path.join(place, "installed")
    subprocess.run([harness.BUILD / "src/compile_filters", harness.SOURCE / "profiles", "/filters"], check=True, timeout=60,
                   env={**os.environ, "DESTDIR": installed}, stdout=subprocess.DEVNULL)
    assert kept.read_bytes() == open(os.path.join(installed, "filters", kept.name), "rb").read()

"""Fixtures of tests/host and tests/security: callers, and the check that nothing is left behind after any test."""

import os
import shutil
import tempfile

import pytest

import harness


def pytest_addoption(parser):
    parser.addoption("--callers", default=",".join(harness.KINDS), help="which of user,root,unshare to run as")


def pytest_generate_tests(metafunc):
    if "caller" in metafunc.fixturenames:
        metafunc.parametrize("caller", metafunc.config.getoption("--callers").split(","), indirect=True)


@pytest.fixture(scope="session")
def programs():
    copies = harness.Programs()
    yield copies
    copies.remove()


@pytest.fixture
def place():
    """A directory of the test's own that every caller can pass through."""
    path = tempfile.mkdtemp(prefix="sbx-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def make_caller(kind, programs, place):
    if kind == "root" and os.geteuid() != 0:
        if "SBX_TEST_NO_SKIP" in os.environ:
            pytest.fail("the tests as root need root")
        pytest.skip("the tests as root need root")
    return harness.Caller(kind, programs, os.path.join(place, kind))


@pytest.fixture
def caller(request, programs, place):
    made = make_caller(request.param, programs, place)
    yield made
    made.finish()


@pytest.fixture
def user(programs, place):
    made = make_caller("user", programs, place)
    yield made
    made.finish()


@pytest.fixture
def root(programs, place):
    made = make_caller("root", programs, place)
    yield made
    made.finish()


@pytest.fixture
def terminal():
    """terminal(caller, words): a command on a pseudo-terminal of its own."""
    made = []

    def make(*arguments, **options):
        made.append(harness.Terminal(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def nothing_left_behind(request):
    """Fails the test after which a process, a mount or a file of sbx's lives on."""
    harness.become_subreaper()
    known = set(harness.descendants(os.getpid()))
    mounts, traces = harness.mounts(), harness.traces()
    yield
    # The fixtures asked for by the test are torn down first: their processes have ended by now.
    left = harness.leftovers(mounts, traces, known)
    harness.kill_descendants(known)
    harness.reap_orphans(known)
    assert not left, f"left behind: {left}"


def pytest_configure(config):
    """Temporary directories of an interrupted run are no concern of this one, but a build that is absent is."""
    if not (harness.BUILD / "src/sbx").exists():
        raise pytest.UsageError(f"no sbx in {harness.BUILD}: build it, or set SBX_BUILD_DIR")

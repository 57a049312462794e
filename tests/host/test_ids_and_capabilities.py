"""More than one id inside, by the helpers of the package uidmap; capabilities that a profile keeps, and who has them."""

import pytest

import harness


def subordinate(file, name):
    """The first range of a user in /etc/subuid or /etc/subgid."""
    with open(file, encoding="utf-8") as lines:
        fields = next(line.split(":") for line in lines if line.startswith(f"{name}:"))
    return int(fields[1]), int(fields[2])


@pytest.mark.new_kernel  # the filter that stands in for an old one keeps newuidmap from its privilege
class TestSubordinateIds:
    OPTIONS = ["--set", "identity.subids=true", "--set", "identity.user=root"]

    def test_maps_are_the_caller_and_the_range(self, user):
        outcome = user.shell("cat /proc/self/uid_map; echo; cat /proc/self/gid_map", *self.OPTIONS)
        maps = [[[int(word) for word in line.split()] for line in part.splitlines()] for part in outcome.out.split("\n\n")]
        for lines, file, own in zip(maps, ("/etc/subuid", "/etc/subgid"), (user.uid, user.gid)):
            start, count = subordinate(file, harness.TEST_USER)
            assert lines == [[0, own, 1], [1, start, count]], outcome

    def test_files_can_be_given_to_another_id(self, user):
        outside = user.make_directory("work/tree")
        start, _ = subordinate("/etc/subuid", harness.TEST_USER)
        outcome = user.shell(f"touch {outside}/file && chown 7:9 {outside}/file && stat -c %u:%g {outside}/file", "--rw", outside,
                             "--cap-add", "CHOWN,FOWNER", *self.OPTIONS)
        assert outcome.out == "7:9\n", outcome
        assert (outside / "file").stat().st_uid == start + 6

    def test_without_them_there_is_one_id(self, user):
        outside = user.make_directory("work/tree")
        outcome = user.shell(f"touch {outside}/file; chown 7 {outside}/file", "--rw", outside, "--cap-add", "CHOWN",
                             "--set", "identity.user=root")
        assert outcome.status != 0 and "nvalid argument" in outcome.err, outcome
        assert (outside / "file").stat().st_uid == user.uid

    def test_an_id_can_be_taken_in_the_range(self, user):
        outcome = user.shell("id -u; setpriv --reuid 5 --regid 6 --clear-groups id -u", "--cap-add", "SETUID,SETGID",
                             "--set", "seccomp.allow=@setuid", *self.OPTIONS)
        assert outcome.out == "0\n5\n", outcome


CAPABILITIES = "sed -n 's/^Cap\\(.*\\):\\t*/\\1 /p' /proc/self/status /proc/1/status"


def test_kept_capabilities_are_the_payload_s_alone(caller):
    """CHOWN is bit 0. Nobody can gain another: what isn't kept has left the bounding set, init has nothing at all."""
    # init gives up its own once the payload, which is made from it, is past exec.
    settle = "i=0; while grep -q '^CapPrm:.*[1-9a-f]' /proc/1/status && [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done; "
    outcome = caller.shell(settle + CAPABILITIES, "--set", "identity.user=root", "--set", "filesystem.proc=full", "--cap-add", "CHOWN")
    sets = outcome.out.split("\n")[:-1]
    own, init = sets[:5], sets[5:]
    assert [line.split()[0] for line in own] == ["Inh", "Prm", "Eff", "Bnd", "Amb"], outcome
    for line in own:
        assert int(line.split()[1], 16) == 1, outcome
    for line in init[:3] + init[4:]:
        assert int(line.split()[1], 16) == 0, outcome


def test_no_capability_is_kept_by_default(caller):
    outcome = caller.shell(CAPABILITIES, "--set", "identity.user=root")
    sets = outcome.out.split("\n")[:-1]
    assert len(sets) >= 5 and all(int(line.split()[1], 16) == 0 for line in sets), outcome

"""Of the caller's environment only what a profile passes is inside, in no process's /proc/PID/environ either."""

SECRET = {"AWS_SECRET_ACCESS_KEY": "s3cr3t-value", "SSH_AUTH_SOCK": "/tmp/s3cr3t-agent", "LD_PRELOAD": "",
          "DBUS_SESSION_BUS_ADDRESS": "unix:path=/tmp/s3cr3t-bus"}


def names(seen):
    return {entry.split("=", 1)[0] for entry in seen["env"]}


def test_callers_variables_stay_outside(caller):
    seen = caller.probe(env=SECRET)
    assert not names(seen) & set(SECRET)
    assert "PATH" in names(seen) and "HOME" in names(seen)


def test_no_process_inside_shows_them(caller):
    outcome = caller.shell("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; true", env=SECRET)
    assert "s3cr3t" not in outcome.out and "SBX_" not in outcome.out, outcome


def test_passed_and_set(caller):
    seen = caller.probe("--set", 'environment.pass=["LC_*", "WANTED"]', "--set", "environment.set.MADE=yes", "-e", "FLAG=1",
                        "-e", "NAMED", env={"LC_ALL": "C", "WANTED": "w", "NAMED": "n", "OTHER": "o"})
    inside = dict(entry.split("=", 1) for entry in seen["env"])
    assert inside["LC_ALL"] == "C" and inside["WANTED"] == "w" and inside["MADE"] == "yes"
    assert inside["FLAG"] == "1" and inside["NAMED"] == "n" and "OTHER" not in inside


def test_bytes_of_values_are_kept(user):
    seen = user.probe("-e", "ODD= a=b\tc\n\u00e9")
    assert b"ODD= a=b\tc\n\xc3\xa9".decode("latin-1") in seen["env"]


def test_no_variable_is_there_twice(caller):
    seen = caller.probe("-e", "PATH=/bin", "-e", "HOME=/nowhere")
    listed = [entry.split("=", 1)[0] for entry in seen["env"]]
    assert len(listed) == len(set(listed)) and "PATH=/bin" in seen["env"]


def test_command_is_looked_up_in_the_path_of_the_inside(user):
    outcome = user.run("-e", "PATH=/nonexistent", "--", "true")
    assert outcome.status == 127, outcome

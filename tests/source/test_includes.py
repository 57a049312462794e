"""The include directions of ARCHITECTURE.md, and that each library has one user."""

import re

import pytest

import harness

# Who may include whom, besides itself.
ALLOWED = {
    "base": set(),
    "spec": {"base"},
    "egress": {"base"},
    "profile": {"base", "spec", "egress"},
    "oci_config": {"base", "spec"},
    "filter": {"base", "spec"},
    # The read-outs of a host and of a cgroup are values of plan/ and spec/: kernel/ fills them in.
    "kernel": {"base", "spec", "plan"},
    "systemd": {"base", "spec", "plan"},
    "plan": {"base", "spec", "filter"},
    "launch": {"base", "spec", "plan", "filter", "kernel", "systemd"},
    "telemetry": {"base", "spec", "plan", "filter", "kernel", "systemd", "launch", "state"},
    "state": {"base", "spec", "plan", "kernel", "systemd", "launch"},
    "net": {"base", "spec", "plan", "kernel", "launch", "egress"},
    # A program of its own.
    "proxy": {"base", "spec", "filter", "kernel", "egress"},
    "cli": {"base", "spec", "profile", "oci_config", "filter", "plan", "kernel", "systemd", "launch", "telemetry", "net", "state", "egress"},
}
# Of plan/, the values alone.
PLAN_VALUES = {"plan/host_facts.h", "plan/launch_plan.h"}
LIBRARIES = {
    r"^seccomp\.h$": r"^filter/compile\.cpp$",
    r"^toml\+\+/": r"^profile/parse\.cpp$",
    r"^boost/program_options/": r"^cli/options\.cpp$",
    r"^boost/(?!program_options/)": r"^telemetry/http_response\.cpp$",
    r"^sys/capability\.h$": r"^kernel/caps\.cpp$",
    r"^ares\.h$": r"^proxy/upstream\.cpp$",
    r"^nftables/": r"^proxy/redirect\.cpp$",
    r"^systemd/sd-": r"^systemd/",
}
SOURCES = sorted(path for path in (harness.SOURCE / "src").rglob("*") if path.suffix in {".h", ".cpp"})


def includes(path):
    """Pairs: the name, and whether it is one of the project's own. <net/if.h> is the system's."""
    found = re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', path.read_text(), re.MULTILINE)
    return [(name, mark == '"') for mark, name in found]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(harness.SOURCE / "src")))
def test_includes_go_one_way(path):
    name = str(path.relative_to(harness.SOURCE / "src"))
    folder = name.split("/")[0] if "/" in name else None
    wrong = []
    for included, own in includes(path):
        target = included.split("/")[0]
        if own and folder is not None and "/" in included and target in ALLOWED and target != folder:
            if target not in ALLOWED[folder]:
                wrong.append(f"{included}: {folder}/ may not include {target}/")
            elif folder in {"kernel", "systemd"} and target == "plan" and included not in PLAN_VALUES:
                wrong.append(f"{included}: {folder}/ may take only values from plan/")
        for library, users in LIBRARIES.items():
            if re.search(library, included) and not re.search(users, name):
                wrong.append(f"{included}: that library has one user, {users}")
    assert not wrong, wrong


def test_every_folder_has_a_rule():
    folders = {path.relative_to(harness.SOURCE / "src").parts[0] for path in SOURCES if path.parent.name != "src"}
    assert folders <= set(ALLOWED)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(harness.SOURCE / "src")))
def test_files_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 450, "split it: files stay under about 400 lines"

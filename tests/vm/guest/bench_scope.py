"""Start to end of /bin/true in a scope, against systemd-run --scope and bwrap doing the same job. Rounds in turn, so that
what slows the host slows all; the ratio is the median of the rounds' own ratios."""

import statistics

from support import in_user_unit, ok

WORKER = "/mnt/guest/bench_worker.py"


def bench_scope():
    lines = ok(in_user_unit("tester", f"python3 {WORKER} 25", timeout=300)).splitlines()
    return "\n".join(lines)

"""Runs in the virtual machine as root: every test_*.py beside it, one JSON line a test to the host."""

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True


def open_channel():
    path = "/dev/virtio-ports/sbx.results"
    for _ in range(100):
        if os.path.exists(path):
            return open(path, "wb", buffering=0)
        time.sleep(0.1)
    raise RuntimeError("no virtio port")


def main() -> None:
    channel = open_channel()

    def send(record: dict) -> None:
        channel.write(json.dumps(record).encode() + b"\n")

    wanted = Path("/mnt/wanted").read_text().split()
    import support
    support.prepare()
    prefix = "bench_" if "bench" in wanted else "test_"
    for path in sorted(HERE.glob(f"{prefix}*.py")):
        if path.stem == "bench_worker":
            continue
        try:
            module = importlib.import_module(path.stem)
        except Exception:
            send({"name": path.stem, "status": "failed", "seconds": 0, "text": traceback.format_exc()})
            continue
        for name, test in list(vars(module).items()):
            full = f"{path.stem.removeprefix(prefix)}.{name.removeprefix(prefix)}"
            if not name.startswith(prefix) or (wanted and prefix == "test_" and not any(word in full for word in wanted)):
                continue
            started, status, text = time.monotonic(), "passed", ""
            try:
                text = str(test() or "")
            except support.Skip as reason:
                status, text = "skipped", str(reason)
            except BaseException:
                status, text = "failed", traceback.format_exc()
            send({"name": full, "status": status, "seconds": round(time.monotonic() - started, 1), "text": text})
    send({"finished": True})
    channel.close()
    time.sleep(0.2)


main()

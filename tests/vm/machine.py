"""One virtual machine: an image, a second disk that carries sbx and the guest's tests, and results over virtio-serial."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PAYLOAD_SIZE = "512M"


class Machine:
    """Runs the guest's main.py to its end, or to the timeout; `results` are the JSON lines that it sent."""

    def __init__(self, image: Path, payload: Path, timeout: float):
        self.image, self.payload, self.timeout = image, payload, timeout
        self.results: list[dict] = []
        self.finished = self.timed_out = False
        self.console = ""

    def run(self, on_result=lambda result: None) -> None:
        with tempfile.TemporaryDirectory(prefix="sbx-tests-vm-") as directory:
            work = Path(directory)
            disk = work / "payload.img"
            subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-E", "root_owner=0:0", "-d", str(self.payload),
                            str(disk), PAYLOAD_SIZE], check=True, timeout=120, stdout=subprocess.DEVNULL)
            channel, console = work / "results", work / "console"
            channel.touch()
            with open(work / "qemu.log", "wb") as log:
                # A group of its own, so that the timeout ends whatever qemu started.
                qemu = subprocess.Popen(self.command(disk, channel, console), stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, start_new_session=True, env={**os.environ, "TMPDIR": directory})
            try:
                self.follow(qemu, channel, on_result)
            finally:
                if qemu.poll() is None:
                    os.killpg(qemu.pid, signal.SIGKILL)
                qemu.wait()
            if console.exists():
                self.console = console.read_text(errors="replace")
            self.console += (work / "qemu.log").read_text(errors="replace")

    def command(self, disk: Path, channel: Path, console: Path) -> list[str]:
        return [
            "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048", "-smp", "2",
            "-display", "none", "-no-reboot", "-nic", "none", "-serial", f"file:{console}",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd.img"),
            "-append", "console=ttyS0 root=/dev/vda rw quiet systemd.show_status=0 mitigations=off panic=1",
            "-drive", f"file={self.image / 'disk.img'},if=virtio,format=raw,snapshot=on",
            "-drive", f"file={disk},if=virtio,format=raw,readonly=on",
            "-device", "virtio-serial-pci", "-chardev", f"file,id=results,path={channel}",
            "-device", "virtserialport,chardev=results,name=sbx.results",
        ]

    def follow(self, qemu: subprocess.Popen, channel: Path, on_result) -> None:
        deadline = time.monotonic() + self.timeout
        pending = b""
        with open(channel, "rb") as stream:
            while True:
                ended = qemu.poll() is not None
                pending += stream.read()
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    result = json.loads(line)
                    if result.get("finished"):
                        self.finished = True
                    else:
                        self.results.append(result)
                        on_result(result)
                if ended:
                    return
                if time.monotonic() > deadline:
                    self.timed_out = True
                    return
                time.sleep(0.2)

"""Disk images of the virtual machines: built once with mmdebstrap and mke2fs, kept in a cache by a digest of the recipe."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
PACKAGES = """systemd systemd-sysv systemd-container dbus dbus-user-session libpam-systemd udev kmod
linux-image-amd64 initramfs-tools python3-minimal python3 python3-pytest procps iproute2 login passwd uidmap
bubblewrap ca-certificates nginx prometheus curl openssl passt slirp4netns nftables libc-ares2""".split()
BUILD_TIMEOUT = 900
DISK_SIZE = "3G"
KEEP_SECONDS = 2 * 86400


def cache_directory() -> Path:
    """$SBX_TEST_CACHE, else sbx-tests in the user's cache directory: never the source tree."""
    if chosen := os.environ.get("SBX_TEST_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "sbx-tests"


def recipe_digest(release: str) -> str:
    digest = hashlib.sha256()
    for part in (release, " ".join(PACKAGES), DISK_SIZE, *mmdebstrap_options()):
        digest.update(part.encode() + b"\0")
    for name in ("early", "setup"):
        digest.update((HERE / "image" / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def mmdebstrap_options() -> list[str]:
    return [
        "--variant=minbase",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        # Drivers of no device that the virtual machine has: most of the kernel package's bulk.
        "--dpkgopt=path-exclude=/lib/modules/*/kernel/drivers/gpu/*",
        "--dpkgopt=path-exclude=/lib/modules/*/kernel/drivers/media/*",
        "--dpkgopt=path-exclude=/lib/modules/*/kernel/drivers/net/ethernet/*",
        "--dpkgopt=path-exclude=/lib/modules/*/kernel/drivers/net/wireless/*",
        "--dpkgopt=path-exclude=/lib/modules/*/kernel/sound/*",
        "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/drivers/gpu/*",
        "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/drivers/media/*",
        "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/drivers/net/ethernet/*",
        "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/drivers/net/wireless/*",
        "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/sound/*",
    ]


def image(release: str) -> Path:
    """The directory with disk.img, vmlinuz and initrd.img of `release`; built where the cache doesn't have it."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    final = cache / f"{release}-{recipe_digest(release)}"
    with open(cache / f"{release}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once build it once
        if final.is_dir():
            return final
        work = cache / f"{release}.building"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        started = time.monotonic()
        print(f"vm: building the image of {RELEASES[release]} (once; kept in {cache})", file=sys.stderr, flush=True)
        build(release, work)
        for old in cache.glob(f"{release}-*"):  # of an older recipe, which another checkout may still be at
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        work.rename(final)
        print(f"vm: built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return final


def build(release: str, work: Path) -> None:
    tree, tarball, log = work / "tree", work / "root.tar", work / "build.log"
    command = [
        "mmdebstrap", *mmdebstrap_options(), f"--include={','.join(PACKAGES)}",
        f"--essential-hook={HERE}/image/early \"$1\"", f"--customize-hook={HERE}/image/setup \"$1\"", release, str(tarball),
    ]
    if mirror := os.environ.get("SBX_TEST_MIRROR"):
        command.append(mirror)
    step(command, log)
    # Owners and modes must get into the image: as root they are real, else fakeroot remembers them from tar to mke2fs.
    pack = (f"mkdir '{tree}' && tar -C '{tree}' -xf '{tarball}' --exclude='./dev/*'"
            f" && mke2fs -q -F -t ext4 -m 0 -E lazy_itable_init=1 -d '{tree}' '{work}/disk.img' {DISK_SIZE}"
            f" && cp -L '{tree}'/boot/vmlinuz-* '{work}/vmlinuz' && cp -L '{tree}'/boot/initrd.img-* '{work}/initrd.img'")
    step((["fakeroot", "--"] if os.geteuid() != 0 else []) + ["sh", "-ec", pack], log)
    shutil.rmtree(tree)
    tarball.unlink()


def step(command: list[str], log: Path) -> None:
    with open(log, "ab") as out:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=BUILD_TIMEOUT)
    if done.returncode != 0:
        tail = log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"image build failed ({command[0]}: status {done.returncode}):\n{tail}")


if __name__ == "__main__":
    for name in sys.argv[1:] or RELEASES:
        print(image(name))

"""Disks of a few kilobytes, to fill and to make read-only: tmpfs mounts, which need root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a disk of `size` (300k, 2m) at `place`, made for it; skip the test where this may not be done."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no room on `disk`: a file named `fill` takes it all."""
    try:
        with (disk / "fill").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def read_only(disk: Path) -> None:
    """Let nothing on `disk` be written any more."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

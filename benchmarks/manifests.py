"""What a million clips cost before any sound is read: `python benchmarks/manifests.py [--clips 1000000] [--keep DIR]`.

It writes corpora of made-up cuts (their sound is 40 bytes each, and never decoded), then runs each step in a process of
its own, and prints a row each: seconds of processor time (and of the clock, which says how busy the machine was), clips
a processor second, peak resident memory, and how much of it the step added to what was resident when all was imported
(Linux: the kernel's peak is reset in between, since that of the imports is higher than what they leave).

    index    kwsdata index: labels, exact duplicates (1 % are planted) out
    split    kwsdata split: by speaker
    check    the rules of kwsdata check that read manifests alone: same sound, speakers, rooms, sources, balance
    stats    kwsdata stats
    lock     kwsdata lock
    diff     kwsdata diff of two versions: 1 % of the clips relabelled, 1 % gone, 1 % moved to another partition
    survey   kwsdata publish up to the first sound: counts, hashes, licences
"""

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STEPS = ("nothing", "index", "split", "check", "stats", "lock", "diff", "survey")
ROOT = Path(__file__).resolve().parents[1]
CORPORA = 20
CLIPS_PER_SHARD = 5000
CLIPS_PER_SPEAKER = 50
ROLES = ("keyword", "speech", "noise")
LICENCE = "CC-BY-4.0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="Work here and delete nothing; what is there is used again.")
    parser.add_argument("--steps", nargs="*", default=STEPS, choices=STEPS, help="Only these, in this order.")
    parser.add_argument("--step", choices=STEPS, help="Run one step in the current directory (used by the parent).")
    arguments = parser.parse_args()
    if arguments.step:
        run(arguments.step)
        return
    with tempfile.TemporaryDirectory(prefix="kwsdata-manifests-") as scratch:
        root = arguments.keep or Path(scratch)
        generate(root, arguments.clips)
        print(f"{'step':8}{'cpu s':>9}{'clock s':>9}{'clips/s':>10}{'peak MB':>9}{'added MB':>10}")
        for step in arguments.steps:
            seconds, clock, peak, added = measured(root, step)
            rate = f"{arguments.clips / seconds:.0f}" if step != "nothing" else "-"
            print(f"{step:8}{seconds:9.1f}{clock:9.1f}{rate:>10}{peak:9.0f}{added:10.0f}", flush=True)


def measured(root: Path, step: str) -> tuple[float, float, float, float]:
    """Return (processor seconds, clock seconds, peak resident MB, MB the step added) of a step in a new process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    command = [sys.executable, __file__, "--step", step]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as child:
        said = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{step} failed")
    added = float(said.split()[-1])
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024, added


def resident_mb(which: str) -> float:
    """Return what this process has (`VmRSS`) or had at most (`VmHWM`) resident, in MB."""
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows[which].split()[0]) / 1024


def generate(root: Path, clips: int) -> None:
    """Write the corpora, unless they are there."""
    if (root / "data/corpora").is_dir():
        return
    flac = b"fLaC" + bytes(36)
    each = clips // CORPORA
    names = [f"corpus{chr(97 + number)}{chr(122 - number)}" for number in range(CORPORA)]
    for role in ROLES:
        ours = [name for number, name in enumerate(names) if ROLES[number % len(ROLES)] == role]
        for start in range(0, each, CLIPS_PER_SHARD):
            number = start // CLIPS_PER_SHARD
            rows = [cut(ours[0], role, clip) for clip in range(start, min(start + CLIPS_PER_SHARD, each))]
            lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
            tar = tar_of(rows, flac)
            for name in ours:  # the letters of a name have one sum, so that a tar's checksums stay right
                shar = root / "data/corpora" / name / "shar"
                shar.mkdir(parents=True, exist_ok=True)
                new = name.encode()
                told = lines.replace(ours[0].encode(), new).replace(b"#sound", new[-2:].hex().encode())
                (shar / f"cuts.{number:06d}.jsonl.gz").write_bytes(gzip.compress(told, 1, mtime=0))
                (shar / f"recording.{number:06d}.tar").write_bytes(tar.replace(ours[0].encode(), new))
        for name in ours:
            declared = {"name": name, "kind": "folder", "role": role, "licence": LICENCE, "citation": "made up",
                        "source": "made up", "speakers": "known"}  # fmt: skip
            (root / "data/corpora" / name / "corpus.json").write_text(json.dumps(declared))


def cut(corpus: str, role: str, clip: int) -> dict[str, object]:
    """Return the row of a clip as `kwsdata import` writes it; one in a hundred has the samples of its neighbour."""
    name = f"{corpus}-clip_{clip:07d}"
    speaker = f"{corpus}:s{clip // CLIPS_PER_SPEAKER:06d}"
    samples = 16_000 + clip % 16_000
    sound = "#sound" + hashlib.sha256(f"{role} {clip - 1 if clip % 100 == 99 else clip}".encode()).hexdigest()[:60]
    text = {"keyword": "computer", "speech": f"sentence number {clip}"}.get(role)
    said = {"id": f"{name}-0", "recording_id": name, "start": 0.0, "duration": samples / 16_000, "channel": 0,
            **({"text": text, "language": "en"} if text else {}), "speaker": speaker}  # fmt: skip
    return {
        "id": name,
        "start": 0.0,
        "duration": samples / 16_000,
        "channel": 0,
        "supervisions": [said],
        "recording": {"id": name, "sources": [{"type": "shar", "channels": [0], "source": ""}],
                      "sampling_rate": 16_000, "num_samples": samples, "duration": samples / 16_000,
                      "channel_ids": [0]},
        "custom": {"corpus": corpus, "licence": LICENCE, "role": role,
                   "audio_sha256": sound, "speaker": speaker},
        "type": "MonoCut",
    }  # fmt: skip


def tar_of(rows: list[dict[str, object]], flac: bytes) -> bytes:
    """Return a shard's tar, whose sounds are all `flac`."""
    parts = []
    for row in rows:
        entry = tarfile.TarInfo(f"{row['id']}.flac")
        entry.size = len(flac)
        parts.append(entry.tobuf(tarfile.USTAR_FORMAT) + flac.ljust(tarfile.BLOCKSIZE, b"\0"))
    return b"".join([*parts, bytes(2 * tarfile.BLOCKSIZE)])


def run(step: str) -> None:
    """Run a step in the current directory."""
    from kwsdata.params import load_params
    from kwsdata.stages.index.stage import run as index
    from kwsdata.stages.split.stage import run as split
    from kwsdata.tools.dataset.diff import diff
    from kwsdata.tools.dataset.lock import lock_of
    from kwsdata.tools.dataset.members import members_of
    from kwsdata.tools.dataset.stats import stats
    from kwsdata.tools.dataset.trees import open_tree
    from kwsdata.tools.publish.run import Prepared

    params = load_params(ROOT / "params.yaml")
    if step == "diff":
        changed(Path("data/split"), Path("changed/data/split"))

    def compared() -> None:
        found = diff(open_tree(root=Path()), open_tree(root=Path("changed")), 10)
        print(json.dumps({kind: sum(part[kind] for part in found["parts"].values())
                          for kind in ("added", "removed", "changed")}), file=sys.stderr)  # fmt: skip

    todo: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "index": lambda: index(params),
        "split": lambda: split(params),
        "check": lambda: list(checked(params)),
        "stats": lambda: stats(members_of(open_tree())),
        "lock": lambda: lock_of(members_of(open_tree()), "computer"),
        "diff": compared,
        "survey": lambda: Prepared(params, ["split"], []),
    }
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident_mb("VmRSS")
    todo[step]()
    print(f"{resident_mb('VmHWM') - before:.1f}")


def checked(params: object) -> Iterator[object]:
    """Yield what the rules that read manifests alone find; none is planted."""
    from kwsdata.clips.partitions import PARTITIONS
    from kwsdata.stages.check.balance import counts_of
    from kwsdata.stages.check.leaks import cross_partition_sources, same_sound, shared_rooms, shared_speakers
    from kwsdata.stages.check.manifest import Manifest

    cuts = {name: Manifest(Path(f"data/split/{name}.jsonl.gz")) for name in PARTITIONS}
    yield from same_sound(cuts)
    yield from shared_speakers(cuts)
    yield from shared_rooms(Path("data/rirs"))
    yield from cross_partition_sources(cuts, Path("data/testsets"), [], Path("data/rirs"))
    for name in PARTITIONS:
        counts_of(cuts[name])


def changed(before: Path, after: Path) -> None:
    """Write another version of a split, line by line, unless it is there."""
    if after.is_dir():
        return
    after.mkdir(parents=True)
    with gzip.open(after / "dev.jsonl.gz", "wb", 1) as dev, gzip.open(after / "train.jsonl.gz", "wb", 1) as train:
        for name, out in (("dev", dev), ("train", train)):
            with gzip.open(before / f"{name}.jsonl.gz", "rb") as lines:
                for number, line in enumerate(lines):
                    if name == "train" and number % 100 == 1:
                        continue
                    if name == "train" and number % 100 == 2:
                        dev.write(line.replace(b'"partition": "train"', b'"partition": "dev"'))
                        continue
                    out.write(line.replace(b'"label": "', b'"label": "re') if number % 100 == 3 else line)
    (after / "test.jsonl.gz").write_bytes((before / "test.jsonl.gz").read_bytes())


if __name__ == "__main__":
    main()

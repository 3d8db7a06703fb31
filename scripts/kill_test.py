"""Kill a tiny run of the whole pipeline at random moments, go on, and compare: the same hashes as an undisturbed run?

    python scripts/kill_test.py [--kills 20] [--seed 1] [--keep DIR]

Runs the pipeline of this checkout with the numbers of tests/tiny.yaml and smaller, in scratch copies: undisturbed, then
killed (SIGKILL to `dvc repro` and everything it started) until there were so many kills. The time to each kill is
uniform between nothing and twice the undisturbed run's time over the number of kills; where a run gets to its end
before, another one begins from nothing. After a kill nothing is done by hand: the next `dvc repro` must go on.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from kills import Kill, killed, recorded

from kwsdata.draws import rng_for

ROOT = Path(__file__).resolve().parents[1]
# Laid over tests/tiny.yaml: as little as every stage can do with.
LESS = """
synthesize: {engines: [espeak], espeak: {positives: 30, confusables: 20, sentences: 40}, noises: {clips: 12}}
simulate_rirs: {rooms: 6, sources_per_room: 1}
augment: {copies: {keyword: 1, confusable: 1, speech: 1, noise: 0}}
noise_reverb: {snr_db: [10], t60_s: [0.3], rooms_per_t60: 2, clips_per_cell: 6}
make_testsets: {stream_s: 60}
train: {steps: 60, eval_every: 30, batch_size: 32}
teacher: {train: {steps: 40, eval_every: 20, batch_size: 32}}
"""
REPRO = [sys.executable, "-m", "dvc", "repro"]


def snapshot(root: Path) -> None:
    """Make a committed copy of this checkout, with tiny numbers, at `root`: all runs begin from it."""
    root.mkdir(parents=True)
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    (root / "less.yaml").write_text(LESS)
    for command in (
        [sys.executable, "scripts/overlay.py", "tests/tiny.yaml"],
        [sys.executable, "scripts/overlay.py", "less.yaml"],
        ["git", "init", "--quiet"],
        ["git", "add", "--all"],
        ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "tiny"],
    ):
        subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


def one_run(source: Path, root: Path, gaps: list[float]) -> tuple[list[Kill], int]:
    """Run a clone of `source` to its end, killed after each of `gaps` in turn; return the kills and the repairs."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(root)], check=True)
    log = root.parent / f"{root.name}.log"
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "KWSDATA_CACHE": str(root / "data" / ".cache"),
        "DVC_TEST": "true",  # no analytics
        "DVC_SITE_CACHE_DIR": str(root.parent / f"{root.name}-dvc"),
    }
    kills: list[Kill] = []
    repairs = 0
    while True:
        after_s = gaps[len(kills)] if len(kills) < len(gaps) else 24 * 3600.0
        end = killed(REPRO, root, environment, after_s, log)
        if isinstance(end, Kill):
            kills.append(end)
            print(f"{root.name}: kill {len(kills)} after {end.after_s:.1f} s, in {end.stage or 'DVC'}", flush=True)
        elif end == 0:
            return kills, repairs
        else:  # DVC could not go on: its own files
            repairs += 1
            said = subprocess.run(
                [sys.executable, "-m", "kwsdata", "repair"], cwd=root, env=environment, capture_output=True, text=True
            ).stdout
            print(f"{root.name}: dvc repro exited with {end}, kwsdata repair says {said}", flush=True)
            if repairs > len(kills) or not json.loads(said or "{}"):
                raise SystemExit(f"{root.name} does not go on after a kill: see {log}")


def main() -> None:
    """Run, kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="work here, and keep it")
    options = parser.parse_args()
    work = options.keep or Path(tempfile.mkdtemp(prefix="kill_test."))
    began = time.perf_counter()
    snapshot(work / "source")
    one_run(work / "source", work / "undisturbed", [])
    whole_s = time.perf_counter() - began
    wanted = recorded(work / "undisturbed")
    print(f"undisturbed: {whole_s:.0f} s, {len(wanted)} outputs", flush=True)
    kills: list[Kill] = []
    repairs = runs = 0
    differing: set[str] = set()
    while len(kills) < options.kills:
        runs += 1
        rng = rng_for(options.seed, "kill_test", str(runs))
        gaps = rng.uniform(0, 2 * whole_s / options.kills, options.kills - len(kills)).tolist()
        made, mended = one_run(work / "source", work / f"killed-{runs}", gaps)
        found = recorded(work / f"killed-{runs}")
        differing |= {path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)}
        kills, repairs = kills + made, repairs + mended
    print(
        json.dumps(
            {
                "kills": len(kills),
                "in": Counter(kill.stage or "DVC" for kill in kills),
                "runs": runs,
                "repairs": repairs,
                "outputs": len(wanted),
                "differing": sorted(differing),
                "undisturbed_s": round(whole_s),
                "all_s": round(time.perf_counter() - began),
            },
            indent=2,
        )
    )
    if not options.keep:
        shutil.rmtree(work)
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()

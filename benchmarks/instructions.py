"""Count the instructions that one second of sound costs, by valgrind: a number that no other load on the machine moves.

    python benchmarks/instructions.py --export data/models/export [--baseline DIR] [--c-only]

Each program runs twice under `valgrind --tool=callgrind`, on a short and on a longer sound; what the longer one costs
more, per second, is left once all is loaded. In C: examples/c/detect.c with TFLite models of the front end `micro`,
front end included, microWakeWord's `alexa` among them. In Python: every streaming file in `kwsdata.runtime`, a call a
decision on features that are there already: the model alone, and Python's share of the call. Valgrind hides the newest
instruction sets from the programs.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pymicro_wakeword

from kwsdata.audio import to_int16
from kwsdata.files.atomic import read_json
from kwsdata.params import FeaturesParams
from kwsdata.runtime.front_ends import make_frontend

ROOT = Path(__file__).resolve().parents[1]
ALEXA = Path(pymicro_wakeword.__file__).parent / "models" / "alexa.tflite"
SHORT_S, LONG_S = 1, 3
LONG_PYTHON_S = 31  # the start of Python varies by some million instructions from run to run

_LISTEN = """
import sys
import numpy as np
from pathlib import Path
from kwsdata.runtime.networks.description import read_model_json
from kwsdata.runtime.networks.backend import open_backend
directory, file = Path(sys.argv[1]), sys.argv[2]
info = read_model_json(directory, file)
frames = np.load(sys.argv[3])
network = open_backend(directory / file, info, frames[0])
for start in range(0, len(frames), info["stride"]):
    network.score(frames[start : start + info["stride"]])
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--export", type=Path, default=Path("data/models/export"))
    options.add_argument("--baseline", type=Path, help="another exported model, which ratios are of as well")
    options.add_argument("--c-only", action="store_true", help="leave out what takes Python and minutes")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        program = folder / "detect"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run([ROOT / "examples/c/build.sh", program], env=os.environ | {"PATH": path}, check=True)
        sounds = [write_sound(folder, seconds) for seconds in (SHORT_S, LONG_S)]
        sounds_python = [sounds[0], write_sound(folder, LONG_PYTHON_S)]
        counts: dict[str, float] = {}
        counts["alexa.tflite (microWakeWord), C"] = per_second([[program, ALEXA, "230", "5"]] * 2, sounds)
        for title, directory in (("", asked.export), ("baseline ", asked.baseline)):
            for file in streaming(directory) if directory else []:
                if file.endswith(".tflite") and micro(directory):
                    words: list[list[object]] = [[program, directory / file, "230", "5"]] * 2
                    counts[f"{title}{file}, C"] = per_second(words, sounds)
                if not asked.c_only:
                    frames = [write_frames(directory, sound) for sound in sounds_python]
                    words = [[sys.executable, "-c", _LISTEN, directory, file, path] for path in frames]
                    counts[f"{title}{file}, Python"] = per_second(words)
    print(table(counts))


def streaming(directory: Path) -> list[str]:
    """Return the exported files that stream."""
    files = read_json(directory / "model.json").get("files", {"model.onnx": {"form": "stream"}})
    return [name for name, about in files.items() if about["form"] == "stream"]


def micro(directory: Path) -> bool:
    """Return whether the C program has the model's front end."""
    return bool(read_json(directory / "model.json")["features"]["frontend"] == "micro")


def write_frames(directory: Path, sound: Path) -> Path:
    """Write the features of a sound, whole decisions of them; return their path."""
    info = read_json(directory / "model.json")
    wave = np.fromfile(sound, np.int16).astype(np.float32) / 32768
    frames = make_frontend(FeaturesParams(**info["features"])).process(wave)
    path = sound.with_suffix(".npy")
    np.save(path, frames[: len(frames) // info["stride"] * info["stride"]])
    return path


def write_sound(folder: Path, seconds: int) -> Path:
    """Write noise as raw int16; return its path."""
    path = folder / f"{seconds}.raw"
    to_int16(np.random.default_rng(0).normal(0, 0.05, seconds * 16_000).astype(np.float32)).tofile(path)
    return path


def per_second(words: list[list[object]], sounds: list[Path] | None = None) -> float:
    """Return the instructions of a second: the long run's less the short one's. `sounds`: given to them as input."""
    seconds = (LONG_S if sounds else LONG_PYTHON_S) - SHORT_S
    short, long = (instructions(w, sound) for w, sound in zip(words, sounds or [None, None], strict=True))
    return (long - short) / seconds


def instructions(words: list[object], stdin: Path | None) -> int:
    """Return the instructions that a program executes from start to end, on one thread."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    with open(stdin or os.devnull, "rb") as given:
        done = subprocess.run(command, stdin=given, capture_output=True, text=True, check=True, env=environment)
    (found,) = re.findall(r"Collected\s*:\s*(\d+)", done.stderr)
    return int(found)


def table(counts: dict[str, float]) -> str:
    """Return the counts as Markdown, with ratios to alexa's, and the baseline's same and float files."""
    alexa, real = counts["alexa.tflite (microWakeWord), C"], counts.get("baseline model.onnx, Python")
    lines = ["| program | instructions a second of sound | of alexa's | of the baseline's file | of its model.onnx |"]
    lines.append("|---|---|---|---|---|")
    for name, count in counts.items():
        base, in_c = counts.get(f"baseline {name}"), name.endswith("C")
        ratios = [count / alexa if in_c else None, count / base if base else None]
        ratios.append(count / real if real and not in_c else None)
        words = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| {name} | {count / 1e6:.2f} M | {' | '.join(words)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

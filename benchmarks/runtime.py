"""Time exported models beside microWakeWord's and openWakeWord's shipped ones, front end included and apart.

    OMP_NUM_THREADS=1 python benchmarks/runtime.py --export data/models/export [--baseline DIR] [--rounds 7]

Peers (`pip install pymicro-wakeword pyopen-wakeword`) run in this same process and in their own runtimes, unmodified.
Times are CPU times of one thread, the best of the rounds, whose order alternates: another load on the machine weighs on
all alike. Everything is given per 10 ms of sound, which comes in blocks of 80 ms, as from a microphone. `model` is one
call a decision, without the front end; `program` is all that a user runs. Peak memory is of a process of its own.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymicro_wakeword
import pyopen_wakeword
from ai_edge_litert.interpreter import Interpreter
from model_costs import onnx_parameters, tflite_costs

from kwsdata.audio import Waveform, to_int16
from kwsdata.files.atomic import read_json
from kwsdata.params import FeaturesParams
from kwsdata.runtime.front_ends import make_frontend
from kwsdata.runtime.networks.backend import open_backend
from kwsdata.runtime.networks.description import read_model_json
from kwsdata.runtime.networks.model import StreamingModel

BLOCK = 1280  # samples
MICRO, OPEN = (Path(package.__file__).parent / "models" for package in (pymicro_wakeword, pyopen_wakeword))
UNIT = "alexa (microWakeWord)"  # what ratios are of


@dataclass
class Contender:
    """What is timed: each of the three goes over the whole sound. None: there is no such part."""

    name: str
    path: Path
    alone: str  # a program of its own, whose peak memory is measured
    parameters: int
    macs_per_second: float
    program: Callable[[Waveform], None]
    model: Callable[[], None] | None
    frontend: Callable[[Waveform], None] | None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--export", type=Path, default=Path("data/models/export"))
    options.add_argument("--baseline", type=Path, help="another exported model, timed in the same rounds")
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--rounds", type=int, default=7)
    asked = options.parse_args()
    wave = sound(asked.seconds)
    makers = contenders(asked.export, asked.baseline)
    rows = [make(wave) for make in makers.values()]
    times = measure(rows, wave, asked.rounds)
    memory = {row.name: peak_mb(row) for row in rows}
    print(table(rows, times, memory, asked.seconds))
    if asked.baseline:
        print(f"\n{parity(times)}")


def contenders(export: Path, baseline: Path | None) -> dict[str, Callable[[Waveform], Contender]]:
    """Return by name what makes each contender."""
    makers: dict[str, Callable[[Waveform], Contender]] = {}
    for title, directory in (("", export), ("baseline ", baseline)):
        if directory is not None:
            files = read_json(directory / "model.json").get("files", {"model.onnx": {"form": "stream"}})
            for file, about in files.items():
                if about["form"] == "stream":
                    name = f"{title}{file}"
                    makers[name] = lambda wave, n=name, d=directory, f=file: ours(n, d, f, wave)
    for name in ("alexa", "okay_nabu"):
        title = f"{name} (microWakeWord)"
        makers[title] = lambda wave, t=title, n=name: micro_wake_word(t, n, wave)
    makers["alexa (openWakeWord)"] = lambda wave: open_wake_word("alexa (openWakeWord)", "alexa", wave)
    return makers


def ours(name: str, directory: Path, file: str, wave: Waveform) -> Contender:
    """Return one exported file."""
    info = read_model_json(directory, file)
    features = FeaturesParams(**info["features"])
    frontend, stride = make_frontend(features), int(info["stride"])
    whole, backend = StreamingModel(directory, file=file), open_backend(directory / file, info, frontend.silence)
    frames = frontend.process(wave)
    steps = [frames[i : i + stride] for i in range(0, len(frames) // stride * stride, stride)]
    if info["runtime"] == "tflite":
        parameters, macs = tflite_costs(directory / file)
        macs_per_second, step = macs * 100 / stride, tflite_step(directory / file)
    else:
        parameters, macs_per_second, step = onnx_parameters(directory / file), info["macs_per_second"], backend.score

    def program(sound: Waveform) -> None:
        whole.reset()
        for start in range(0, sound.size, BLOCK):
            whole.process(sound[start : start + BLOCK])

    def front(sound: Waveform) -> None:
        frontend.reset()
        for start in range(0, sound.size, BLOCK):
            frontend.process(sound[start : start + BLOCK])

    def model() -> None:
        for frame in steps:
            step(frame)

    alone = _OURS.format(directory=str(directory), file=file)
    return Contender(name, directory / file, alone, parameters, macs_per_second, program, model, front)


def tflite_step(path: Path) -> Callable[[np.ndarray], None]:
    """Return what runs a .tflite file once, in the interpreter that runs ours and microWakeWord's alike."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale, zero), shape, dtype = given["quantization"], given["shape"], given["dtype"]

    def step(frames: np.ndarray) -> None:
        stored = frames if not scale else np.clip(np.rint(frames / scale + zero), -128, 127)
        interpreter.set_tensor(given["index"], stored.astype(dtype).reshape(shape))
        interpreter.invoke()
        interpreter.get_tensor(made["index"])

    return step


def micro_wake_word(title: str, name: str, wave: Waveform) -> Contender:
    """Return one of microWakeWord's models."""
    path = MICRO / f"{name}.tflite"
    runs, features = pymicro_wakeword.MicroWakeWord.from_config(MICRO / f"{name}.json"), pymicro_wakeword
    parameters, macs = tflite_costs(path)
    frontend = features.MicroWakeWordFeatures()
    frames = np.concatenate(list(frontend.process_streaming(to_int16(wave).tobytes())))[:, 0]
    steps, step = [frames[i : i + 3] for i in range(0, len(frames) // 3 * 3, 3)], tflite_step(path)

    def program(sound: Waveform) -> None:
        front = features.MicroWakeWordFeatures()
        stored = to_int16(sound)
        for start in range(0, stored.size, BLOCK):
            for frame in front.process_streaming(stored[start : start + BLOCK].tobytes()):
                runs.process_streaming(frame)

    def front(sound: Waveform) -> None:
        made = features.MicroWakeWordFeatures()
        stored = to_int16(sound)
        for start in range(0, stored.size, BLOCK):
            for _ in made.process_streaming(stored[start : start + BLOCK].tobytes()):
                pass

    def model() -> None:
        for frame in steps:
            step(frame)

    names = {"package": "pymicro_wakeword", "kind": "MicroWakeWord", "maker": "from_config", "features": ""}
    names |= {"path": str(path.with_suffix(".json")), "run": "model.process_streaming(frame)"}
    return Contender(title, path, _THEIRS.format(**names), parameters, macs * 100 / 3, program, model, front)


def open_wake_word(title: str, name: str, wave: Waveform) -> Contender:
    """Return one of openWakeWord's models. Its front end is two networks; `model` is the head on top."""
    path = OPEN / f"{name}.tflite"
    runs, features = pyopen_wakeword.OpenWakeWord.from_model(path), pyopen_wakeword.OpenWakeWordFeatures.from_builtin()
    costs = [tflite_costs(path), tflite_costs(OPEN / "embedding_model.tflite", [1, 76, 32, 1])]
    costs.append(tflite_costs(OPEN / "melspectrogram.tflite", [1, 1760]))
    step = tflite_step(path)
    windows = [np.zeros((1, 16, 96), np.float32)] * (wave.size // BLOCK)
    silence = np.zeros(BLOCK, np.int16).tobytes()
    for _ in features.process_streaming(silence):  # its first call also runs 8 s of silence
        pass

    def front(sound: Waveform) -> list[np.ndarray]:
        stored = to_int16(sound)
        return [
            vector
            for start in range(0, stored.size, BLOCK)
            for vector in features.process_streaming(stored[start : start + BLOCK].tobytes())
        ]

    def program(sound: Waveform) -> None:
        for vectors in front(sound):
            list(runs.process_streaming(vectors))

    def model() -> None:
        for window in windows:
            step(window)

    total = [sum(row) for row in zip(*costs, strict=True)]
    names = {"package": "pyopen_wakeword", "kind": "OpenWakeWord", "maker": "from_model", "features": ".from_builtin"}
    names |= {"path": str(path), "run": "list(model.process_streaming(frame))"}
    alone = _THEIRS.format(**names)
    return Contender(title, path, alone, total[0], total[1] * 12.5, program, model, lambda sound: front(sound) and None)


def measure(rows: list[Contender], wave: Waveform, rounds: int) -> dict[str, dict[str, float]]:
    """Return the best CPU seconds of each part of each contender."""
    best: dict[str, dict[str, float]] = {row.name: {} for row in rows}
    for number in range(rounds):
        for row in rows if number % 2 == 0 else rows[::-1]:
            parts = {"program": lambda r=row: r.program(wave), "model": row.model}
            parts["frontend"] = lambda r=row: r.frontend(wave)
            for part, run in parts.items():
                began = time.process_time()
                run()
                spent = time.process_time() - began
                best[row.name][part] = min(spent, best[row.name].get(part, spent))
    return best


def peak_mb(row: Contender) -> int:
    """Return the peak memory of a process that imports what one contender needs and runs it on 5 s of noise."""
    words = [sys.executable, "-c", f"{_NOISE}{row.alone}{_PEAK}"]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1])


_NOISE = "import numpy as np\nnoise = np.random.default_rng(0).normal(0, 0.05, 80000).astype(np.float32)\n"
_PEAK = "\nprint(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if 'VmHWM' in line))"
_OURS = """
from pathlib import Path
from kwsdata.runtime.networks.model import StreamingModel
model = StreamingModel(Path({directory!r}), file={file!r})
for start in range(0, noise.size, 1280):
    model.process(noise[start : start + 1280])
"""
_THEIRS = """
from {package} import {kind}, {kind}Features
stored = (noise * 32767).astype(np.int16)
model, front = {kind}.{maker}({path!r}), {kind}Features{features}()
for start in range(0, stored.size, 1280):
    for frame in front.process_streaming(stored[start : start + 1280].tobytes()):
        {run}
"""


def table(rows: list[Contender], times: dict[str, dict[str, float]], memory: dict[str, int], seconds: float) -> str:
    """Return the results as Markdown; ratios to microWakeWord's alexa are in brackets."""
    unit = next(row for row in rows if row.name == UNIT)
    head = ["", "model, us", "front end, us", "program, us", "file, KB", "parameters", "MMAC/s", "peak MB"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        each = [
            f"{times[row.name][part] / seconds * 1e4:.1f} ({times[row.name][part] / times[UNIT][part]:.2f})"
            for part in ("model", "frontend", "program")
        ]
        size = row.path.stat().st_size
        lines.append(
            [
                row.name,
                *each,
                f"{size / 1000:.1f} ({size / unit.path.stat().st_size:.2f})",
                f"{row.parameters} ({row.parameters / unit.parameters:.2f})",
                f"{row.macs_per_second / 1e6:.2f} ({row.macs_per_second / unit.macs_per_second:.2f})",
                f"{memory[row.name]} ({memory[row.name] / memory[UNIT]:.2f})",
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def parity(times: dict[str, dict[str, float]]) -> str:
    """Return as Markdown what each of our files takes of the time of the baseline's same file, and of its float one."""
    lines = ["| | model, of the same file | program | model, of model.onnx | program |", "|---|---|---|---|---|"]
    for name in times:
        if f"baseline {name}" in times:
            ratios = [
                f"{times[name][part] / times[f'baseline {other}'][part]:.2f}"
                for other in (name, "model.onnx")
                for part in ("model", "program")
            ]
            lines.append(f"| {name} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def sound(seconds: float) -> Waveform:
    """Return noise whose level moves, with tones in it: float32 [samples]. Times do not depend on what is heard."""
    rng = np.random.default_rng(0)
    count = round(seconds * 16_000)
    level = np.repeat(rng.uniform(0.001, 0.2, count // 1600 + 1), 1600)[:count]
    tones = np.sin(2 * np.pi * np.cumsum(np.repeat(rng.uniform(100, 3000, count // 3200 + 1), 3200)[:count]) / 16_000)
    return (level * (rng.normal(0, 0.3, count) + tones)).astype(np.float32)


if __name__ == "__main__":
    main()

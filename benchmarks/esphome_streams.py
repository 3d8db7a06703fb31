"""Run the bundle's ESPHome model, unmodified, in pymicro-wakeword on the test sets, and compare it with our runtime.

    python benchmarks/esphome_streams.py [--bundle data/bundle] [--export data/models/export] [--testsets data/testsets]

Their front end, their TFLite, their mean over `sliding_window_size` outputs and their cutoff, from the manifest; after
a detection a second is ignored, as ESPHome has it. FNR and FAH are counted by the same events as everywhere. `equal`
compares outputs before the mean with those of model.int8.tflite in `kwsdata.runtime`, in steps of 1/256.
"""

import argparse
from pathlib import Path

import numpy as np
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

from kwsdata.audio import Waveform, to_int16
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.files.atomic import read_json
from kwsdata.params import ExecutorParams, load_params
from kwstrain.evaluation.det import StreamScores, measure
from kwstrain.evaluation.intervals import poisson_upper, wilson
from kwstrain.evaluation.streams import score_testsets
from kwstrain.stages.bundle.esphome import LOCKOUT_S

FILE = "model.int8.tflite"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--bundle", type=Path, default=Path("data/bundle"))
    options.add_argument("--export", type=Path, default=Path("data/models/export"))
    options.add_argument("--testsets", type=Path, default=Path("data/testsets"))
    asked = options.parse_args()
    params = load_params(Path("params.yaml"))
    (manifest,) = (asked.bundle / "esphome").glob("*.json")
    cutoff = read_json(manifest)["micro"]["probability_cutoff"]
    executor = ExecutorParams(**params.executor.model_dump() | {"kind": "serial"})
    scored = score_testsets(asked.testsets, asked.export, params.evaluate.chunk_s, executor, FILE)
    print("| set | missed | FNR, 95 % | false alarms | FAH, 95 % below | outputs | equal | apart at most |")
    print("|---|---|---|---|---|---|---|---|")
    for (partition, name), streams in scored.items():
        cuts = {cut.id: cut for cut in shard_cuts(asked.testsets / partition / name)}
        voted, steps = [], []
        for stream in streams:
            outputs, means = theirs(manifest, load_audio(cuts[stream.cut_id]))
            events = [(word.start_s, word.end_s) for word in stream.keywords]
            voted.append(StreamScores(stream.time_s, means, events, stream.duration_s))
            steps.append(np.abs(np.rint(256 * outputs) - np.rint(256 * stream.score)))
        above = float(np.nextafter(np.float32(cutoff), np.float32(1)))
        point, apart = measure(voted, above, LOCKOUT_S, params.evaluate.tolerance_s), np.concatenate(steps)
        low, high = wilson(point.misses, point.n_positive)
        bound = poisson_upper(point.false_alarms, point.hours_negative)
        print(
            f"| {partition} / {name} | {point.misses} of {point.n_positive} "
            f"| {point.fnr:.1%}, {low:.1%} to {high:.1%} | {point.false_alarms} in {point.hours_negative:.2f} h "
            f"| {point.fah:.2f}, {bound:.2f} | {apart.size} | {np.mean(apart == 0):.2%} | {apart.max():.0f} |"
        )


def theirs(manifest: Path, wave: Waveform) -> tuple[np.ndarray, np.ndarray]:
    """Return each output of the model, and what pymicro-wakeword compares with the cutoff then: float32 [decisions]."""
    features, model = MicroWakeWordFeatures(), MicroWakeWord.from_config(manifest)
    outputs, means = [], []
    for number, frame in enumerate(features.process_streaming(to_int16(wave).tobytes()), 1):
        mean = model.process_streaming_prob(frame)
        if number % model.stride == 0:
            outputs.append(model._probabilities[-1])
            means.append(mean)
    return np.asarray(outputs, np.float32), np.asarray(means, np.float32)


if __name__ == "__main__":
    main()

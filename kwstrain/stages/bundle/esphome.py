"""The manifest (version 2) with which ESPHome and `pymicro-wakeword` run a streaming INT8 TFLite file.

Their rule is not our vote. With uint8 outputs q and c = int(255 probability_cutoff), ESPHome fires when

    mean of the last sliding_window_size outputs  >  c

and then ignores its scores for a second, as it does when it starts. That is `kwsdata.runtime.decoder` with n = m = 1,
smooth = sliding_window_size, a lockout and a warm-up of a second, and a threshold just above c / 256; so it is measured
with that. (What ESPHome heard while it ignored its scores is in its first means, where our decoder counts 0.) The
window and the cutoff are chosen on dev/clean for the fewest misses at the false alarms an hour that `evaluate` allows,
among the 255 cutoffs that ESPHome can tell apart.

`pymicro-wakeword` compares the mean of q / 256 with the cutoff itself, which lies less than one step of the output
higher, and ignores nothing: its first mean is of the first sliding_window_size outputs. Both start from the state in
the file, that of silence.

Contract: esphome 2026.6 (micro_wake_word), pymicro-wakeword 2.5.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from kwsdata.errors import KwsError
from kwsdata.files.atomic import write_json
from kwsdata.params import Params, StreamingParams
from kwsdata.runtime.decoder import rule_from
from kwsdata.runtime.networks.tflite_backend import TfliteNetwork
from kwstrain.evaluation.det import OperatingPoint, det_curve
from kwstrain.evaluation.threshold import choose_threshold
from kwstrain.stages.bundle.arena import arena_bytes
from kwstrain.stages.bundle.models import SET, Scored, measure_decoder, point_numbers

LOCKOUT_S = 1.0  # 100 frames of 10 ms (MIN_SLICES_BEFORE_DETECTION), after a start as after a detection
MELS = 40
FEATURE_RANGE = 26.0  # what ESPHome maps to the 256 values of int8, whatever the file's input says
STEPS = 256  # of an output
MAX_VARIABLES = 20
OPERATORS = frozenset(
    (
        *("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "RESHAPE", "STRIDED_SLICE", "CONCATENATION"),
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "ADD", "MEAN", "LOGISTIC", "QUANTIZE"),
        *("AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "PACK", "SPLIT_V"),
    )
)


class EspHomeError(KwsError):
    """A model cannot run in ESPHome."""


def write_manifest(directory: Path, stem: str, stride: int, scored: Scored, params: Params) -> dict[str, Any]:
    """Write `directory`/`stem`.json beside `stem`.tflite; return how it decides, and what that gives.

    Args:
        directory, stem: where the model file lies, and its name.
        stride: frames a decision.
        scored: its scores on dev/clean, and on test/clean if there is one.
        params: `bundle`, `evaluate` and `keyword` are used.

    Raises:
        EspHomeError: ESPHome cannot run the file.
        StageInputError: dev has no keyword, or no negative sound.
        MissingExtraError: the package `tflite-micro` is not installed.
    """
    model, block = directory / f"{stem}.tflite", params.bundle
    scored = {name: [replace(stream, warm_up_s=LOCKOUT_S) for stream in streams] for name, streams in scored.items()}
    check_contract(model)
    window, cutoff, dev = choose_cutoff(scored, params)
    decision: dict[str, Any] = {"sliding_window_size": window, "probability_cutoff": probability_of(cutoff)}
    micro = decision | {
        "feature_step_size": 10,
        "tensor_arena_size": arena_bytes(model),
        "minimum_esphome_version": block.esphome.minimum_esphome_version,
    }
    manifest = {
        "type": "micro",
        "wake_word": params.keyword.text,
        "author": block.author,
        "website": block.website,
        "model": model.name,
        "trained_languages": [params.keyword.language.split("-")[0]],
        "version": 2,
        "micro": micro,
    }
    write_json(directory / f"{stem}.json", manifest)
    entry = {"manifest": f"{stem}.json", "stride": stride, "cutoff_of_255": cutoff, **micro}
    entry["dev"] = point_numbers(dev)
    if ("test", SET) in scored:
        found = measure_decoder(scored["test", SET], _rule(window), threshold_of(cutoff, window), params)
        entry["test"] = point_numbers(found)
    return entry


def choose_cutoff(scored: Scored, params: Params) -> tuple[int, int, OperatingPoint]:
    """Return (sliding_window_size, cutoff of 255, what they give on dev/clean).

    Raises:
        StageInputError: dev has no keyword, or no negative sound.
    """
    best: tuple[float, int, int, OperatingPoint] | None = None
    for window in params.bundle.esphome.sliding_window_sizes:
        thresholds = np.asarray([threshold_of(cutoff, window) for cutoff in range(255)], np.float32)
        voted = [stream.scores(_rule(window)) for stream in scored["dev", SET]]
        curve = det_curve(voted, LOCKOUT_S, params.evaluate.tolerance_s, thresholds)
        point = choose_threshold(voted, curve, LOCKOUT_S, params.evaluate).point
        if best is None or point.fnr < best[0]:
            cutoff = int(np.argmin(np.abs(thresholds - np.float32(point.threshold))))
            best = (point.fnr, window, cutoff, point)
    assert best is not None  # sliding_window_sizes is not empty
    return best[1:]


def threshold_of(cutoff: int, window: int) -> float:
    """Return the threshold on a mean of `window` scores q / 256 that a sum of q above `cutoff` * `window` reaches."""
    return (cutoff + 0.5 / window) / STEPS


def probability_of(cutoff: int) -> float:
    """Return the `probability_cutoff` that ESPHome, which takes int(255 x), reads as `cutoff`."""
    probability = round((cutoff + 0.002) / 255, 6)
    assert int(probability * 255) == cutoff
    return probability


def check_contract(path: Path) -> None:
    """Refuse a file that ESPHome would not run, or would give other numbers than those it was trained on.

    Raises:
        EspHomeError: a tensor's shape or type, an operator or the input's scale is not ESPHome's.
        StageInputError: it is no TFLite file.
    """
    network = TfliteNetwork(path, threads=1)
    given, made = network.input, network.output
    operators, variables = _parts(path)
    wrong = []
    if len(given.shape) != 3 or given.shape[::2] != (1, MELS) or given.dtype is not np.int8:
        wrong.append(f"takes {np.dtype(given.dtype)} {list(given.shape)}, not int8 [1, stride, {MELS}]")
    elif given.zero_point != -128 or abs(given.scale * 255 / FEATURE_RANGE - 1) > 1 / 255:
        expected = f"{FEATURE_RANGE / 255:.4f} and -128, which ESPHome has built in"
        wrong.append(f"takes features in steps of {given.scale:.4f} from {given.zero_point}, not {expected}")
    if made.shape != (1, 1) or made.dtype is not np.uint8:
        wrong.append(f"gives {np.dtype(made.dtype)} {list(made.shape)}, not uint8 [1, 1]")
    if unknown := sorted(operators - OPERATORS):
        wrong.append(f"uses {', '.join(unknown)}, which ESPHome does not register")
    if variables > MAX_VARIABLES:
        wrong.append(f"keeps {variables} variables, more than ESPHome's {MAX_VARIABLES}")
    if wrong:
        raise EspHomeError(f"{path} cannot run in ESPHome: it {'; it '.join(wrong)}.")


def _rule(window: int) -> StreamingParams:
    return rule_from({"smooth": window, "n": 1, "m": 1, "lockout_s": LOCKOUT_S})


def _parts(path: Path) -> tuple[set[str], int]:
    """Return the operators of a TFLite file, and how many variables it keeps."""
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    used = [codes[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators or []]
    variables = {
        operator.builtinOptions.sharedName
        for graph in model.subgraphs
        for operator in graph.operators or []
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.VAR_HANDLE
    }
    return {names[code] for code in used}, len(variables)

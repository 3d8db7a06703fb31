"""Run a bundle's ESPHome file in `pymicro-wakeword`, deciding as ESPHome does.

The front end, the network and the mean are the package's own. It fires when the mean of the last `sliding_window_size`
outputs exceeds `probability_cutoff`; like ESPHome, and unlike the bare package, nothing counts in the first second of a
stream and in the second after a detection. Needs the extra `esphome`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from kwsdata.audio import SAMPLE_RATE, Waveform, to_int16
from kwsdata.errors import MissingExtraError, ParamsError, StageInputError
from kwsdata.files.atomic import read_json
from kwsdata.runtime.bundle import open_bundle
from kwsdata.runtime.decoder import Event
from kwsdata.runtime.detect.trace import Trace
from kwsdata.runtime.networks.model import TAIL_S
from kwsdata.runtime.networks.shapes import FileName

LOCKOUT_S = 1.0  # MIN_SLICES_BEFORE_DETECTION of ESPHome: 100 frames of 10 ms
_WINDOW, _HOP = 480, 160  # samples of a frame, and from one to the next
_NAME: TypeAdapter[str] = TypeAdapter(FileName)
_SUBFOLDER = "esphome"  # of a bundle


class EspHomeDetector:
    """A model with its manifest (version 2), as ESPHome reads it."""

    def __init__(self, place: Path) -> None:
        """Open a manifest: the JSON file, the folder with it, or a bundle that has one.

        Raises:
            StageInputError: there is no manifest, or more than one, or it or its model is missing or damaged.
            BundleError: it is a bundle, and not as it was written.
            MissingExtraError: `pymicro-wakeword` is not installed.
        """
        try:
            import pymicro_wakeword
        except ModuleNotFoundError:
            raise MissingExtraError("pymicro_wakeword", "esphome", "`kwstrain detect --esphome`") from None
        self.manifest = find_manifest(Path(place))
        bundle = place.parent if place.name == "bundle.json" else place
        if (bundle / "bundle.json").is_file():
            open_bundle(bundle)  # every file in it is as it was written
        values = _checked(self.manifest)
        self.keyword: str = values["wake_word"]
        self._package = pymicro_wakeword
        self._model = pymicro_wakeword.MicroWakeWord.from_config(self.manifest)

    def events(self, blocks: Iterable[Waveform], trace: Trace | None = None) -> Iterator[Event]:
        """Yield the detections in one new stream, given as blocks at 16 kHz, each as soon as its block is heard.

        When the blocks end, `TAIL_S` of silence is heard. The score is the mean that exceeded the cutoff.

        Raises:
            ParamsError: a trace is asked for: the package tells no single scores.
        """
        if trace is not None:
            raise ParamsError("--trace is of our own runtime: give it without --esphome.")
        self._model.reset()
        features = self._package.MicroWakeWordFeatures()
        frames, silent_until_s = 0, LOCKOUT_S
        for block in _and_silence(blocks):
            for frame in features.process_streaming(to_int16(block).tobytes()):
                mean = self._model.process_streaming_prob(frame)
                time_s = (_WINDOW + frames * _HOP) / SAMPLE_RATE
                frames += 1
                if mean is not None and mean > self._model.probability_cutoff and time_s >= silent_until_s:
                    silent_until_s = time_s + LOCKOUT_S
                    yield Event(time_s, float(mean))


def find_manifest(place: Path) -> Path:
    """Return the manifest at `place`: the JSON file itself, the only one in a folder, or that of a bundle.

    Raises:
        StageInputError: there is none, or more than one.
    """
    if place.suffix == ".json" and place.name != "bundle.json":
        if not place.is_file():
            raise StageInputError(f"{place} is missing: give the folder `esphome` of a bundle.")
        return place
    folder = place.parent if place.name == "bundle.json" else place
    if (folder / "bundle.json").is_file() or (folder / _SUBFOLDER).is_dir():
        folder = folder / _SUBFOLDER
    found = sorted(folder.glob("*.json"))
    if not found:
        raise StageInputError(
            f"{folder} has no manifest for ESPHome: set features.frontend to micro and features.window_ms to 30 in "
            "params.yaml (`kwsdata init --for esphome` does), then `dvc repro bundle`."
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise StageInputError(f"{folder} has more than one manifest: name one of {names}.")
    return found[0]


def _checked(manifest: Path) -> dict[str, Any]:
    """Return what a manifest says.

    Raises:
        StageInputError: it is no manifest of version 2, or its model is missing.
    """
    try:
        values = read_json(manifest)
        model, micro = manifest.parent / _NAME.validate_python(values["model"]), values["micro"]
        numbers = float(micro["probability_cutoff"]), int(micro["sliding_window_size"])
        if values["version"] != 2 or not isinstance(values["wake_word"], str) or min(numbers) <= 0:
            raise ValueError("it is not of version 2")
    except (ValueError, KeyError, TypeError) as error:
        why = f"{manifest} is no manifest for ESPHome ({' '.join(str(error).split())})"
        raise StageInputError(f"{why}: remake it with `dvc repro bundle`.") from None
    if linked := [path for path in (manifest, model) if path.is_symlink()]:
        raise StageInputError(f"{linked[0]} is a link: copy what it is meant to be in its place (`cp -rL`).")
    if not model.is_file():
        raise StageInputError(f"{model}, which {manifest.name} names, is missing: copy both files.")
    return values


def _and_silence(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
    yield from blocks
    yield np.zeros(round(TAIL_S * SAMPLE_RATE), np.float32)

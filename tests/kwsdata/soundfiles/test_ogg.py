"""Ogg that breaks off or goes on: libsndfile reads it in silence, and the reason says so."""

import io

import pytest
from sound_files import decoded, encoded, noise

from kwsdata.errors import AudioError
from kwsdata.soundfiles.ogg import ogg_fault
from kwsdata.soundfiles.reader import open_sound

SUBTYPES = ["VORBIS", "OPUS"]


def fault(data):
    return ogg_fault(io.BytesIO(data), len(data))


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_whole_file_has_no_fault(subtype, channels):
    data = encoded(noise(channels, 4.0), "OGG", subtype)
    assert fault(data) is None
    with open_sound(data) as sound:
        assert sound.read().shape == decoded(data).shape


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.7, 0.9, 0.999])
def test_what_breaks_off_inside_a_page_is_cut_short(subtype, share):
    data = encoded(noise(1, 8.0), "OGG", subtype)
    data = data[: int(share * len(data))]
    with pytest.raises(AudioError, match="cut short|cannot be decoded"), open_sound(data) as sound:
        sound.read()
    assert fault(data) == f"cut short (its last page is not whole, after {len(data)} bytes)"


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("after", [b"\0" * 30, b"TAG" + bytes(125), b"garbage"])
def test_what_follows_the_pages_is_no_sound(subtype, after):
    data = encoded(noise(1, 1.0), "OGG", subtype)
    assert fault(data + after) is None
    with open_sound(data + after) as sound:
        assert len(sound.read()) == len(decoded(data))


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_second_sound_behind_the_first_is_told_not_lost(subtype):
    first, second = encoded(noise(1, 1.0), "OGG", subtype), encoded(noise(1, 2.0, seed=5), "OGG", subtype)
    with (
        pytest.raises(AudioError, match=rf"chained Ogg.*at byte {len(first)}; split"),
        open_sound(first + second) as sound,
    ):
        sound.read()


@pytest.mark.parametrize("size", [1, 5, 20, 27, 40])
def test_a_part_of_the_first_page_is_cut_short(size):
    data = encoded(noise(), "OGG", "VORBIS")[:size]
    assert "cut short" in fault(data)


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", b"fLaC", b"OgXS" + bytes(40)])
def test_what_is_no_ogg_is_left_to_others(data):
    assert fault(data) is None

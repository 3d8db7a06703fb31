"""Headers whose lengths are wrong: never filled in, cut short, or right."""

import io
import struct

import numpy as np
import pytest
from sound_files import decoded, encoded, noise, put_lengths

from kwsdata.errors import AudioError
from kwsdata.soundfiles.layout import layout_of
from kwsdata.soundfiles.reader import open_sound

WHOLE = noise(2)


def read(data: bytes) -> np.ndarray:
    with open_sound(data) as sound:
        return sound.read()


@pytest.mark.parametrize(
    ("riff", "samples"),
    [
        pytest.param(0x7FFFF024, 0x7FFFF000, id="SoX, eSpeak into a pipe"),
        pytest.param(0x80000024, 0x80000000, id="arecord, old"),
        pytest.param(0x7FFFFF24, 0x7FFFFF00, id="arecord, new"),
        pytest.param(0x7FFFFFFF, 0x7FFFFFFF, id="the largest signed number"),
        pytest.param(0x7FFFFFFF, 0x7FFFFFDB, id="the same, less the header"),
        pytest.param(0xFFFFFFFF, 0xFFFFFFFF, id="ffmpeg into a pipe"),
        pytest.param(0xFFFFFFFF, 0xFFFFFFDB, id="all bits, less the header"),
        pytest.param(0xFFFFFFF7, 0xFFFFFFD3, id="all bits, less eight"),
        pytest.param(0, 0, id="zeros"),
        pytest.param(36, 0, id="killed after the header"),
        pytest.param(0, 0xFFFFFFFF, id="half and half"),
        pytest.param(0xFFFFFFFF, 0, id="half and half, the other way"),
    ],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW"])
def test_a_length_never_filled_in_means_to_the_end(riff, samples, subtype):
    data = encoded(WHOLE, subtype=subtype)
    np.testing.assert_array_equal(read(put_lengths(data, riff, samples)), decoded(data))


@pytest.mark.parametrize("lengths", [(0, 0), (36, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_big_endian_wav_too(lengths):
    data = encoded(WHOLE, endian="BIG")
    assert data[:4] == b"RIFX"
    np.testing.assert_array_equal(read(put_lengths(data, *lengths, order=">")), decoded(data))


@pytest.mark.parametrize("length", [0, 2**64 - 1, 2**63 - 1])
@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_rf64_too(length, name):
    data = bytearray(encoded(WHOLE, "RF64"))
    at = data.index(b"ds64")
    data[at + 8 : at + 24] = struct.pack("<QQ", length, length)
    np.testing.assert_array_equal(read(bytes(data).replace(b"RF64", name, 1)), decoded(encoded(WHOLE)))


def test_bw64_is_rf64_by_another_name():
    data = encoded(WHOLE, "RF64").replace(b"RF64", b"BW64", 1)
    np.testing.assert_array_equal(read(data), decoded(encoded(WHOLE)))


@pytest.mark.parametrize("riff", [0, 2**64 - 1, 104])
@pytest.mark.parametrize("samples", [0, 24, 2**64 - 1, 2**63 - 1])
def test_w64_too(riff, samples):
    data = bytearray(encoded(WHOLE, "W64"))
    at = data.index(b"data")
    data[16:24], data[at + 16 : at + 24] = struct.pack("<Q", riff), struct.pack("<Q", samples)
    np.testing.assert_array_equal(read(bytes(data)), decoded(encoded(WHOLE)))


@pytest.mark.parametrize(
    ("form", "frames", "samples"),
    [
        (0, 0, 0),
        (46, 0, 8),
        (0, 0, 8),
        (0x7F000050, 0x0FE00000, 0x7F000008),
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (46, 8000, 0),
    ],
)
@pytest.mark.parametrize("order", ["BIG", "LITTLE"])
def test_aiff_too(form, frames, samples, order):
    whole = encoded(WHOLE, "AIFF", endian=order)
    data = bytearray(whole)
    comm, ssnd = data.index(b"COMM"), data.index(b"SSND")
    for at, value in ((4, form), (comm + 10, frames), (ssnd + 4, samples)):
        data[at : at + 4] = struct.pack(">I", value)
    np.testing.assert_array_equal(read(bytes(data)), decoded(whole))


@pytest.mark.parametrize("length", [0, 4, 2**64 - 1, 2**63 - 1])
def test_caf_too(length):
    whole = encoded(WHOLE, "CAF")
    at = whole.index(b"data")
    data = whole[: at + 4] + struct.pack(">Q", length) + whole[at + 12 :]
    np.testing.assert_array_equal(read(data), decoded(whole))


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000])
def test_au_too(length):
    whole = encoded(WHOLE, "AU")
    np.testing.assert_array_equal(read(whole[:8] + struct.pack(">I", length) + whole[12:]), decoded(whole))


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_what_is_cut_short_is_damaged_and_says_how_much_is_there(kind, share):
    data = encoded(noise(2, 4.0), kind)
    part = data[: int(share * len(data))]
    with open_sound(part) as sound:
        heard, blocks = 0, sound.blocks(1000)
        with pytest.raises(AudioError, match=rf"cut short \({len(part)} bytes of the {len(data)} that its header"):
            for block in blocks:
                heard += len(block)
    assert heard == pytest.approx(share * 64_000, rel=0.05)  # what is there was heard before the error


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"])
def test_a_whole_file_is_left_as_it_is(kind):
    data = encoded(WHOLE, kind)
    layout = layout_of(io.BytesIO(data), len(data))
    assert layout is not None
    assert (layout.head, layout.fault) == (None, None)
    assert layout.sample_bytes == 4 * len(WHOLE)


def chunk(name: bytes, body: bytes, padded: bool = True) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2 if padded else 0)


@pytest.mark.parametrize(
    "before",
    [
        chunk(b"LIST", b"INFOISFT\x06\0\0\0abcde\0"),
        chunk(b"JUNK", bytes(28)) + chunk(b"bext", bytes(602)),
        chunk(b"LIST", b"INFOx"),
        chunk(b"LIST", b"INFOx", padded=False),
        chunk(b"odd ", b"abc", padded=False) + chunk(b"LIST", b"INFOy", padded=False),
        chunk(b"JUNK", bytes(100_000)),
    ],
)
@pytest.mark.parametrize("lengths", [None, (0, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_chunks_before_the_samples_are_no_sound(before, lengths):
    data = encoded(WHOLE)
    longer = data[:12] + before + data[12:]
    if lengths is not None:
        longer = put_lengths(longer, *lengths)
    np.testing.assert_array_equal(read(longer), decoded(data))


@pytest.mark.parametrize("after", [chunk(b"LIST", b"INFOISFT\x04\0\0\0abc\0"), b"garbage" * 9, bytes(3)])
def test_what_follows_the_samples_is_no_sound(after):
    data = encoded(WHOLE)
    np.testing.assert_array_equal(read(data + after), decoded(data))


def test_an_empty_file_that_was_closed_is_empty():
    data = encoded(WHOLE[:0]) + chunk(b"LIST", b"INFOISFT\x04\0\0\0abc\0")
    assert len(read(put_lengths(data, len(data) - 8, 0))) == 0
    assert len(read(encoded(WHOLE[:0]))) == 0


def test_a_length_of_more_than_32_bits_hold_is_read_to_the_end(tmp_path):
    path = tmp_path / "day.wav"
    with path.open("wb") as file:  # 4 GiB of silence that take no room, and a second of noise
        file.write(put_lengths(encoded(WHOLE)[:44], 36 + 2**16, 2**16))
        file.seek(44 + 2**32)
        file.write(bytes(2**16))
    with path.open("rb") as file:
        layout = layout_of(file, path.stat().st_size)
    assert layout is not None
    assert layout.sample_bytes == 2**32 + 2**16
    with open_sound(path) as sound:
        assert sound.frames == (2**32 + 2**16) // 4


@pytest.mark.parametrize("size", [4, 11, 12, 20, 30])
def test_a_part_of_a_header_is_damaged(size):
    with pytest.raises(AudioError, match="cannot be decoded"):
        read(encoded(WHOLE)[:size])


def test_chunks_without_end_are_given_up():
    data = b"RIFF\xff\xff\xff\xffWAVE" + b"JUNK\0\0\0\0" * 10_000
    with pytest.raises(AudioError, match="cannot be decoded"):
        read(data)

"""The description beside a Piper voice, which comes from elsewhere; the engine itself need not be installed."""

import importlib.metadata
import json

import pytest

from kwsdata.errors import ParamsError
from kwsdata.stages.synthesize.engines import piper


@pytest.fixture
def voice(tmp_path, monkeypatch):
    monkeypatch.setattr(piper, "_import", lambda *_: None)
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.0")
    (tmp_path / "ann.onnx").write_bytes(b"x")
    return tmp_path / "ann.onnx"


@pytest.mark.parametrize(
    "description",
    [b"", b"{", b"[]", b"7", b"{}", b'{"espeak": "en"}', b"\xff\xfe", b"[" * 100_000,
     b'{"espeak": {"voice": "en"}, "num_speakers": "two"}',
     b'{"espeak": {"voice": "en"}, "num_speakers": 2, "speaker_id_map": ["a"]}'],
    ids=lambda description: str(description[:20]),
)  # fmt: skip
def test_a_description_that_is_none_is_one_clear_error(voice, description):
    voice.with_name("ann.onnx.json").write_bytes(description)
    with pytest.raises(ParamsError, match=r"synthesize.piper.voices: .*ann.onnx.json does not describe a Piper voice"):
        piper.Piper((str(voice),))


def test_speakers_are_those_of_the_description(voice):
    told = {"espeak": {"voice": "en-us"}, "num_speakers": 2, "speaker_id_map": {"ann": 0, "bob": 1}}
    voice.with_name("ann.onnx.json").write_text(json.dumps(told))
    assert [voice_.name for voice_ in piper.Piper((str(voice),)).voices("en-gb")] == ["ann-ann", "ann-bob"]

"""Turn rows of untrusted Lhotse manifests into cuts, or say why not."""

import math
from typing import Any

from lhotse import MonoCut, MultiCut, Recording, SupervisionSegment
from lhotse.cut import MixedCut
from lhotse.serialization import deserialize_item

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError, NamedPathError
from kwsdata.files.named_paths import quote
from kwsdata.importers.lhotse_rows import Judge, Row

_HIGHEST_HZ = 768_000
_LONGEST_MIX_S = 3600.0  # a mix is made in memory, and its silence costs nothing in a manifest
_WORDS = ("text", "speaker", "language", "gender")


def item_of(row: Row, judge: Judge, in_shar: bool = False) -> Any:
    """Return what `row` describes, a cut, recording or supervision of Lhotse, or a Reject.

    Raises:
        CorpusError: its sound is something that was not allowed.
    """
    try:
        judge.judge(row, in_shar)
        item = deserialize_item(row.values)
        _check(item)
    except CorpusError:
        raise
    except NamedPathError as error:
        return Reject(row.place, f"no sound file ({error})")
    except Exception as error:  # Lhotse checks nothing, so a wrong field may raise anything
        return Reject(row.place, f"malformed ({type(error).__name__}: {quote(str(error))})")
    return item


def _check(item: Any) -> None:
    """Raise a TypeError or ValueError where a field that will be read is not what it must be."""
    if isinstance(item, MixedCut):
        if item.duration > _LONGEST_MIX_S:
            raise ValueError(f"a mix of {item.duration:g} s; the longest is {_LONGEST_MIX_S:g} s")
        for track in item.tracks:
            _check_number("offset", track.offset)
            _check(track.cut)
    if isinstance(item, MonoCut | MultiCut | MixedCut):
        _check_type("id", item.id, str)
        for name in ("start", "duration"):
            _check_number(name, getattr(item, name))
        for said in item.supervisions:
            _check(said)
    if isinstance(item, MonoCut | MultiCut):
        _check_channels(item.channel)
        if item.recording is not None:
            _check(item.recording)
    if isinstance(item, Recording):
        _check_type("id", item.id, str)
        _check_type("sampling_rate", item.sampling_rate, int)
        _check_type("num_samples", item.num_samples, int)
        if not (0 < item.sampling_rate <= _HIGHEST_HZ and item.num_samples >= 0 and item.sources):
            raise ValueError(f"{item.num_samples} samples at {item.sampling_rate} Hz of {len(item.sources)} sources")
        _check_number("duration", item.duration)
        for source in item.sources:
            _check_type("channels", source.channels, list)
            _check_channels(source.channels)
    if isinstance(item, SupervisionSegment):
        _check_type("id", item.id, str)
        _check_type("recording_id", item.recording_id, str)
        _check_channels(item.channel)
        for name in ("start", "duration"):
            _check_number(name, getattr(item, name), negative=name == "start")
        for name in _WORDS:
            _check_type(name, getattr(item, name), str, type(None))


def _check_channels(channels: object) -> None:
    for channel in channels if isinstance(channels, list) else [channels]:
        _check_type("channel", channel, int)


def _check_type(name: str, value: object, *types: type) -> None:
    if not isinstance(value, types) or isinstance(value, bool):
        raise TypeError(f"{name} = {value!r}")


def _check_number(name: str, value: object, negative: bool = False) -> None:
    _check_type(name, value, int, float)
    if not math.isfinite(value) or (value < 0 and not negative):  # type: ignore[arg-type, operator]
        raise ValueError(f"{name} = {value!r}")

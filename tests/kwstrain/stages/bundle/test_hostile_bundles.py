"""Bundles that a stranger made: whatever they say, one clear line; nothing outside of them is opened, nothing hangs."""

import contextlib
import copy
import json
import os
import random
import socket

import numpy as np
import pytest

from kwsdata.errors import KwsError
from kwsdata.files.atomic import read_json, sha256_of, write_json
from kwsdata.runtime.bundle import LARGEST, NAME, BundleError, identity_of, open_bundle, seal
from kwsdata.runtime.detect.detector import open_detector

FEATURES = {"frontend": "logmel", "n_mels": 40, "window_ms": 25, "hop_ms": 10, "low_hz": 60, "high_hz": 7600}
DECODER = {"threshold": 0.5, "n": 3, "m": 5, "smooth": 1, "lockout_s": 1.0, "warm_up_s": 0.2}
LATER = {"threshold": "1", "n": 0, "m": -1, "smooth": 1e9, "lockout_s": -1, "warm_up_s": float("nan"), "stride": 0}


@pytest.fixture
def bundle(tone_model_dir, tmp_path):
    """A bundle that runs: the model that hears 1 kHz."""
    directory = tmp_path / "bundle"
    (directory / "esphome").mkdir(parents=True)
    model = read_json(tone_model_dir / "model.json")
    (directory / "model.onnx").write_bytes((tone_model_dir / "model.onnx").read_bytes())
    (directory / "esphome" / "beep.json").write_text("{}")
    entry = model | DECODER | {"file": "model.onnx", "backend": "onnx_stream", "runtime": "onnx", "form": "stream"}
    info = {"keyword": "beep", "language": "en-us", "default": "model.onnx", "models": {"model.onnx": entry}}
    write_json(directory / NAME, seal(directory, info))
    return directory


def resealed(directory, change):
    """Change what bundle.json says, and make its id anew, as whoever hands it on would."""
    info = read_json(directory / NAME)
    change(info)
    (directory / NAME).write_text(json.dumps(info | {"id": identity_of(info)}))


def listens(directory, beep):
    detector = open_detector(directory, directory / "none")
    return [event.time_s for event in detector.events([beep(3.0, [(1.0, 1000, 0.1)])])]


def test_the_bundle_of_these_tests_runs(bundle, beep):
    assert listens(bundle, beep) == pytest.approx([1.05], abs=0.1)
    resealed(bundle, lambda info: info["models"]["model.onnx"].update(lockout_s=2.0))
    assert len(listens(bundle, beep)) == 1


def _file_link(directory, outside):
    (outside / "model.onnx").write_bytes((directory / "model.onnx").read_bytes())
    (directory / "model.onnx").unlink()
    (directory / "model.onnx").symlink_to(outside / "model.onnx")
    return "model.onnx is a link"


def _link_inside(directory, outside):
    (directory / "esphome" / "beep.json").rename(directory / "other.json")
    (directory / "esphome" / "beep.json").symlink_to("../other.json")
    return "esphome/beep.json is a link"


def _folder_link(directory, outside):
    (directory / "esphome" / "beep.json").rename(outside / "beep.json")
    (directory / "esphome").rmdir()
    (directory / "esphome").symlink_to(outside)
    return "esphome is a link"


def _unlisted_folder_link(directory, outside):
    (directory / "more").symlink_to("/etc")
    return "more is a link"


def _dangling(directory, outside):
    (directory / "z").symlink_to("/nowhere")
    return "z is a link"


def _loop(directory, outside):
    (directory / "esphome" / "again").symlink_to("..")
    return "esphome/again is a link"


def _link_with_a_systems_name(directory, outside):
    (directory / ".DS_Store").symlink_to("/dev/zero")
    return ".DS_Store is a link"


def _pipe_listed(directory, outside):
    (directory / "model.onnx").unlink()
    os.mkfifo(directory / "model.onnx")
    return "model.onnx is a named pipe"


def _pipe_unlisted(directory, outside):
    os.mkfifo(directory / "esphome" / "pipe")
    return "esphome/pipe is a named pipe"


def _socket(directory, outside):
    with contextlib.chdir(directory), socket.socket(socket.AF_UNIX) as made:  # its path may be short only
        made.bind("s")
    return "s is a socket"


def _device_link(directory, outside):
    (directory / "model.onnx").unlink()
    (directory / "model.onnx").symlink_to("/dev/zero")
    return "model.onnx is a link"


def _description_link(directory, outside):
    (directory / NAME).rename(outside / NAME)
    (directory / NAME).symlink_to(outside / NAME)
    return "bundle.json is a link"


def _hard_ways():
    return [
        *(_file_link, _link_inside, _folder_link, _unlisted_folder_link, _dangling, _loop, _link_with_a_systems_name),
        *(_pipe_listed, _pipe_unlisted, _socket, _device_link, _description_link),
    ]


@pytest.mark.parametrize("made", _hard_ways(), ids=lambda made: made.__name__.strip("_"))
def test_what_is_no_plain_file_is_refused_unopened(bundle, tmp_path, made):
    outside = tmp_path / "outside"
    outside.mkdir()
    says = made(bundle, outside)
    with pytest.raises(BundleError, match=rf"{says}.*cp -rL"):
        open_bundle(bundle)


def _renamed(place):
    def change(info):
        info["models"][place] = info["models"].pop("model.onnx") | {"file": place}
        info["files"][place] = info["files"].pop("model.onnx")
        info["default"] = place

    return change


@pytest.mark.parametrize(
    "place",
    [
        "../evil.onnx", "/etc/passwd", "esphome/../../evil.onnx", "..", ".", "", "./model.onnx", "a//b", "a\\..\\b",
        "C:\\model.onnx", "C:model.onnx", "model.onnx\0.txt", "a\nb", "x" * 300, "model.onnx/", "//host/share/m.onnx",
    ],
)  # fmt: skip
def test_names_that_leave_the_bundle_are_refused(bundle, tmp_path, place):
    (tmp_path / "evil.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    resealed(bundle, _renamed(place))
    with pytest.raises(BundleError, match="cannot be used: "):
        open_bundle(bundle)


def test_a_model_is_the_file_of_its_name_and_hash(bundle, tmp_path):
    (tmp_path / "evil.onnx").write_bytes(b"evil")
    for change, says in (
        ({"file": "../evil.onnx"}, "is no path of a file inside"),
        ({"file": "esphome/beep.json"}, r"models.model.onnx names the file esphome/beep.json"),
        ({"sha256": "0" * 64}, r"models.model.onnx has another hash than files.model.onnx"),
    ):
        kept = (bundle / NAME).read_bytes()
        resealed(bundle, lambda info, change=change: info["models"]["model.onnx"].update(change))
        with pytest.raises(BundleError, match=says):
            open_bundle(bundle)
        (bundle / NAME).write_bytes(kept)
    resealed(bundle, lambda info: info["files"].pop("model.onnx"))
    with pytest.raises(BundleError, match="models.model.onnx is none of its files"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("value", ["as said", None, [], {}, "x", True, 10**400], ids=lambda value: str(value)[:9])
def test_numbers_that_cannot_be_meant_are_refused(bundle, name, value):
    value = LATER[name] if value == "as said" else value
    resealed(bundle, lambda info: info["models"]["model.onnx"].update({name: value}))
    with pytest.raises(BundleError, match=rf"cannot be used: models\.model\.onnx\.{name}: "):
        open_bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"states": [{"name": "state_0", "shape": [10**12]}]},
        {"states": [{"name": "state_0", "shape": [1 << 20, 1 << 20]}]},
        {"states": [{"name": "state_0", "shape": [-1, 1]}]},
        {"states": [{"name": "state_0", "shape": [1, 1], "dtype": "object"}]},
        {"states": [{"name": "state_0", "shape": [1, 1], "initial": [[1, 2], [3]]}]},
        {"states": [{"name": "state_0", "shape": [1, 1], "initial": "loud"}]},
        {"states": [{"name": "other", "shape": [1, 1]}]},
        {"states": [{"name": "state_0", "shape": [1, 7]}]},
        {"states": "state_0"},
        {"features": None},
        {"features": {"frontend": "logmel"}},
        {"features": FEATURES | {"n_mels": 41}},
        {"features": FEATURES | {"window_ms": 1e308}},
        {"features": FEATURES | {"hop_ms": 1e-9}},
        {"features": FEATURES | {"low_hz": 7600, "high_hz": 60}},
        {"features": FEATURES | {"frontend": "micro", "n_mels": 41, "window_ms": 30}},
        {"stride": 3, "backend": "onnx_clip"}, {"stride": 999}, {"backend": "abacus"}, {"backend": ["onnx_stream"]},
        {"backend": "tflite_stream"}, {"backend": "tflite_clip"}, {"backend": "onnx_clip"}, {"hears": "colours"},
        {"hears": "embedded"}, {"keyword": {"text": "beep"}}, {"n": 6}, {"m": 10**9},
    ],
    ids=lambda change: json.dumps(change)[:60],
)  # fmt: skip
def test_a_model_that_does_not_run_as_described_is_refused(bundle, beep, change):
    resealed(bundle, lambda info: info["models"]["model.onnx"].update(change))
    with pytest.raises(KwsError):
        listens(bundle, beep)


def _written(text):
    return lambda directory: (directory / NAME).write_bytes(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_written(b""), "is not valid JSON"),
        (_written(b"\xff\xfe"), "is not UTF-8"),
        (_written(b"[" * 100_000), "nested more than 64 deep"),
        (_written(b'{"format": 1, "x": ' + b"[" * 70 + b"]" * 70 + b"}"), "nested more than 64 deep"),
        (_written(b'{"format": 1, "x": "\\ud800"}'), "half of a character"),
        (_written(b'{"format": 1, "x": "' + b"x" * LARGEST + b'"}'), "more than 16 MiB"),
        (_written(b"[]"), "has format list"),
        (_written(b"null"), "has format NoneType"),
        (_written(b'{"format": [1]}'), r"has format \[1\]"),
        (_written(b'{"format": 1, "id": 5}'), "was changed: its id is 5"),
        (_written(b'{"format": 1, "id": ' + b"9" * 5000 + b"}"), "is not valid JSON"),
        (lambda directory: resealed(directory, dict.clear), "has format None"),
    ],
    ids=lambda value: None if callable(value) else value,
)
def test_a_description_that_is_none_is_refused_in_one_line(bundle, change, says):
    change(bundle)
    with pytest.raises(KwsError, match=says) as told:
        open_bundle(bundle)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 500 + len(str(bundle))


def test_a_larger_file_is_told_without_reading_it(bundle):
    os.truncate(bundle / "model.onnx", 1 << 40)  # a hole: it takes no disk, and hours to read
    with pytest.raises(BundleError, match=r"model\.onnx was changed"):
        open_bundle(bundle)


def test_networks_beside_the_model_are_never_read_from_elsewhere(bundle, tmp_path, beep):
    """An ONNX file may say that its weights are in another file: none is opened, inside or outside."""
    onnx = pytest.importorskip("onnx")
    from onnx.external_data_helper import set_external_data

    model = onnx.load(bundle / "model.onnx")
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "weight")
    (tmp_path / "weights.bin").write_bytes(np.ones(40, np.float32).tobytes())
    for place in ("../weights.bin", str(tmp_path / "weights.bin"), "esphome/beep.json"):
        weight.raw_data = np.ones(40, np.float32).tobytes()
        set_external_data(weight, location=place)
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        (bundle / "model.onnx").write_bytes(model.SerializeToString())

        def listed(info):
            info["models"]["model.onnx"]["sha256"] = sha256_of(bundle / "model.onnx")
            info["files"] = seal(bundle, {})["files"]

        resealed(bundle, listed)
        with pytest.raises(KwsError, match=r"model\.onnx cannot be loaded"):
            listens(bundle, beep)


VALUES = [None, -1, 0, 1e308, "", "x", "../../etc/passwd", "/etc/passwd", [], {}, True, float("nan"), [[[]]], 10**12]


def _places(value, above=()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*above, key)
        yield from _places(inner, (*above, key))


def test_any_one_change_runs_or_is_refused_in_words(bundle):
    """Each place of what is read, removed or with each of these values: no other exception, and no endless work."""
    info = read_json(bundle / NAME)
    places = [place for place in _places(info) if place[0] in ("models", "files", "default", "keyword", "format")]
    refused = 0
    choose = random.Random(5)
    for place in places:
        for value in ("remove", *choose.sample(VALUES, 6)):
            changed = copy.deepcopy(info)
            around = changed
            for key in place[:-1]:
                around = around[key]
            if value == "remove":
                del around[place[-1]]
            else:
                around[place[-1]] = value
            (bundle / NAME).write_text(json.dumps(changed | {"id": identity_of(changed)}))
            try:
                list(open_detector(bundle, bundle / "none").events([np.zeros(8000, np.float32)]))
            except KwsError:
                refused += 1
    assert refused > 2 * len(places)

"""What may lie beside the files of a bundle."""

import logging

import pytest

from kwsdata.files.atomic import sha256_of, write_json
from kwsdata.runtime.bundle import BundleError, bundle_at, open_bundle, seal

FEATURES = {"frontend": "logmel", "n_mels": 40, "window_ms": 25, "hop_ms": 10, "low_hz": 60, "high_hz": 7600}


@pytest.fixture
def bundle(tmp_path):
    """A sealed directory of two files; not one that could be run."""
    directory = tmp_path / "bundle"
    (directory / "esphome").mkdir(parents=True)
    for name in ("model.onnx", "esphome/manifest.json"):
        (directory / name).write_text(name)
    info = {"keyword": "computer", "default": "model.onnx", "models": {}}
    entry = {"keyword": "computer", "file": "model.onnx", "backend": "onnx_stream", "stride": 1, "features": FEATURES}
    info["models"]["model.onnx"] = entry | {"sha256": sha256_of(directory / "model.onnx")}
    write_json(directory / "bundle.json", seal(directory, info))
    return directory


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store", "._model.onnx", "._bundle.json", "Thumbs.db", "desktop.ini", "Desktop.ini", ".directory",
        "esphome/.DS_Store", "esphome/._manifest.json", "@eaDir/model.onnx/SYNOINDEX", "esphome/@eaDir/x",
        "__MACOSX/._model.onnx", "__MACOSX/esphome/._manifest.json", "model.onnx:Zone.Identifier", ".localized",
        "System Volume Information/IndexerVolumeGuid", "$RECYCLE.BIN/x/desktop.ini", ".Trash-1000/files/model.onnx",
        ".fseventsd/0001", ".Spotlight-V100/x", "#recycle/model.onnx", ".nomedia", ".AppleDouble/model.onnx", "Icon\r",
        ".nfs000000000001", "model.onnx@SynoEAStream", "lost+found/#12",
    ],
)  # fmt: skip
def test_what_systems_leave_is_ignored_and_said(bundle, name, caplog):
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"anything")
    with caplog.at_level(logging.WARNING):
        assert open_bundle(bundle).info["keyword"] == "computer"
    assert "files that a system left there are ignored" in caplog.text
    assert name in caplog.text


@pytest.mark.parametrize(
    "name",
    ["model.tflite", "notes.txt", ".env", ".hidden.onnx", "extra/a", "esphome/other.tflite", "ds_store", "MACOSX/a"],
)
def test_whatever_else_is_unknown_is_refused(bundle, name):
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"anything")
    with pytest.raises(BundleError, match=f"{name} is unknown"):
        open_bundle(bundle)


def test_a_bundle_that_is_sealed_beside_such_files_does_not_list_them(bundle):
    (bundle / ".DS_Store").write_bytes(b"anything")
    assert set(seal(bundle, {})["files"]) == {"model.onnx", "esphome/manifest.json"}


def test_a_bundle_may_be_named_by_its_directory_or_a_file_of_it(bundle):
    assert bundle_at(bundle) == (bundle, None)
    assert bundle_at(bundle, "model.onnx") == (bundle, "model.onnx")
    assert bundle_at(bundle / "bundle.json") == (bundle, None)
    assert bundle_at(bundle / "bundle.json", "model.onnx") == (bundle, "model.onnx")
    assert bundle_at(bundle / "model.onnx") == (bundle, "model.onnx")
    assert bundle_at(bundle / "model.onnx", "model.onnx") == (bundle, "model.onnx")


@pytest.mark.parametrize(
    ("name", "model", "says"),
    [
        ("nowhere", None, "nowhere is missing: give the directory that `kwstrain bundle` wrote, with its bundle.json"),
        ("bundle/esphome", None, "esphome holds no bundle.json: give the directory"),
        ("bundle/esphome/manifest.json", None, "manifest.json is a file outside of a bundle"),
        ("bundle.zip", None, "bundle.zip is a file outside of a bundle"),
        ("bundle/model.onnx", "model.tflite", "names the model model.onnx, and --model model.tflite: give one of them"),
    ],
)
def test_what_is_no_bundle_is_told_with_the_next_step(bundle, name, model, says):
    (bundle.parent / "bundle.zip").write_bytes(b"PK")
    with pytest.raises(BundleError, match=says):
        bundle_at(bundle.parent / name, model)

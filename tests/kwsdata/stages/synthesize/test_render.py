"""Batches: spoken once, found again, and worth no more than themselves when a run is interrupted."""

import numpy as np
import pytest

from kwsdata.draws import rng_for
from kwsdata.params import ExecutorParams
from kwsdata.stages.synthesize import engines, render
from kwsdata.stages.synthesize.engines import Request, load_engine
from kwsdata.stages.synthesize.render import batches_of, read_speech, speak_batch, speak_missing

SERIAL = ExecutorParams(kind="serial", workers=1, scheduler=None, store=None)


class Hiss:
    """An engine that hisses for as long as its text."""

    name, licence, version, batch = "hiss", "none", "1", 4
    asked: list[str] = []  # noqa: RUF012 - what was spoken, over all instances

    def voices(self, language):
        return []

    def speak(self, request):
        self.asked.append(request.text)
        loud = 1.5 if request.text == "loud" else 0.1
        noise = rng_for(0, request.text).standard_normal(100 * len(request.text)).astype(np.float32)
        return loud * noise / max(1e-9, np.abs(noise).max()) if noise.size else noise


@pytest.fixture
def hiss(project, monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "hiss", f"{__name__}:Hiss")
    monkeypatch.setattr(engines, "import_module", lambda _name: type("Module", (), {"Hiss": Hiss}))
    load_engine.cache_clear()
    Hiss.asked.clear()
    yield Hiss
    load_engine.cache_clear()


def requests(texts):
    return [Request("hiss", "v", text, "en-us") for text in texts]


TEXTS = ["one", "three", "fourteen", "a", "word", "", "loud"]


def test_sound_comes_back_in_order_as_it_was_spoken(hiss):
    batches = batches_of("hiss", (), requests(TEXTS))
    assert [len(batch.requests) for batch in batches] == [4, 3]
    assert speak_missing(batches, SERIAL) == 2
    waves = [wave for batch in batches for wave in read_speech(batch)]
    assert [wave.size for wave in waves] == [100 * len(text) for text in TEXTS]
    assert np.abs(waves[0] - Hiss().speak(requests(["one"])[0])).max() <= 0.5 / 32768 + 1e-7  # half a 16-bit step
    assert np.abs(waves[-1]).max() == pytest.approx(0.99, abs=1e-4)  # scaled down, not clipped


def test_a_batch_is_spoken_once(hiss):
    batches = batches_of("hiss", (), requests(TEXTS))
    speak_missing(batches, SERIAL)
    hiss.asked.clear()
    assert speak_missing(batches_of("hiss", (), requests(TEXTS)), SERIAL) == 0
    assert hiss.asked == []


def test_a_changed_request_speaks_its_own_batch_again_and_no_other(hiss):
    speak_missing(batches_of("hiss", (), requests(TEXTS)), SERIAL)
    hiss.asked.clear()
    assert speak_missing(batches_of("hiss", (), requests([*TEXTS[:4], "words", *TEXTS[5:]])), SERIAL) == 1
    assert hiss.asked == ["words", "", "loud"]


def test_an_interrupted_run_keeps_the_whole_batches_and_nothing_else(hiss, monkeypatch):
    batches = batches_of("hiss", (), requests(TEXTS))
    pack = render._pack

    def broken(wave):
        if len(hiss.asked) == 6:
            raise KeyboardInterrupt
        return pack(wave)

    monkeypatch.setattr(render, "_pack", broken)
    with pytest.raises(KeyboardInterrupt):
        speak_missing(batches, SERIAL)
    assert [batch.path.exists() for batch in batches] == [True, False]
    assert not list(batches[1].path.parent.glob(".*.part")) if batches[1].path.parent.exists() else True
    monkeypatch.setattr(render, "_pack", pack)
    hiss.asked.clear()
    assert speak_missing(batches, SERIAL) == 1
    assert hiss.asked == TEXTS[4:]


def test_another_version_of_an_engine_is_another_batch(hiss, monkeypatch):
    (before,) = batches_of("hiss", (), requests(["one"]))
    monkeypatch.setattr(Hiss, "version", "2")
    (after,) = batches_of("hiss", (), requests(["one"]))
    assert before.path != after.path


def test_the_same_batch_has_the_same_bytes(hiss):
    (batch,) = batches_of("hiss", (), requests(["one", "two"]))
    speak_batch(batch)
    first = batch.path.read_bytes()
    batch.path.unlink()
    speak_batch(batch)
    assert batch.path.read_bytes() == first

"""Alarms are where negatives sound most like the keyword to students, apart from each other, and are drawn as mined."""

import numpy as np
import pytest

from kwsdata.errors import StageInputError
from kwsdata.features.store import ClipRow
from kwstrain.training.alarms import FILE, find_alarms, read_alarms
from kwstrain.training.windows import Shape, alarm_pool

STRIDE, HOP_S = 3, 0.01


def clip(label: str, decisions: int, corpus: str = "c") -> ClipRow:
    return ClipRow("id", label, 0, 0, STRIDE * decisions, (0, 1), "s", corpus, 1.0, 0, [])


def alarms_of(clips, said, at_least=0.0, per_clip=2, unlabelled=()):
    return find_alarms(clips, said, STRIDE, HOP_S, unlabelled, at_least, per_clip).tolist()


def test_the_loudest_places_of_negatives_are_found_each_once() -> None:
    said = np.full(200, -5.0, np.float16)
    said[[20, 22, 120]] = 3, 2, 1  # 22 is the same alarm as 20; decision j ends with frame 3 j + 2
    assert alarms_of([clip("speech", 200)], [said]) == [[0, 62], [0, 362]]
    assert alarms_of([clip("speech", 200)], [said], per_clip=1) == [[0, 62]]
    assert alarms_of([clip("speech", 200)], [said], at_least=1.5) == [[0, 62]]
    assert said[20] == 3  # what was said stays


def test_keywords_and_what_nobody_labelled_have_none() -> None:
    said = [np.full(9, 4.0, np.float16)] * 3
    assert alarms_of([clip("keyword", 9), clip("speech", 9, "wild"), clip("mined", 9)], said, unlabelled=["wild"]) == [
        [2, 2]
    ]
    assert alarms_of([clip("noise", 0)], [np.zeros(0, np.float16)]) == []


def test_a_window_of_an_alarm_holds_the_decision_that_raised_it() -> None:
    shape = Shape(receptive_field=30, stride=STRIDE, decisions=4, hold=20)
    pool = alarm_pool([clip("speech", 40), clip("speech", 5)], np.array([[0, 62], [1, 14]]), shape)
    clips, last = pool.draw(np.random.default_rng(1), 400)
    for number, frame, frames in ((0, 62, 120), (1, 14, 15)):
        chosen = last[clips == number]
        assert 150 < chosen.size < 250
        assert chosen.min() == frame
        assert chosen.max() == min(frame + shape.span, frames - 1)


def test_alarms_of_other_clips_are_refused(tmp_path) -> None:
    np.save(tmp_path / FILE, np.array([[7, 3]]))
    assert read_alarms(tmp_path, 8).tolist() == [[7, 3]]
    with pytest.raises(StageInputError, match="dvc repro scout"):
        read_alarms(tmp_path, 7)

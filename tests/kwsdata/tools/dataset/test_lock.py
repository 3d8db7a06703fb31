"""The lock changes with ids, samples, labels; with nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from augmenting import eventful

from kwsdata.clips.manifests import read_cuts, with_fields, write_cuts
from kwsdata.clips.shards import write_shards
from kwsdata.stages.augment.stage import run as augment
from kwsdata.tools.dataset.lock import LockError, check_lock, lock_of, write_lock
from kwsdata.tools.dataset.members import members_of
from kwsdata.tools.dataset.stats import stats
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.dataset.verify import verify_sound


def locked():
    return lock_of(members_of(open_tree()), "computer")


def test_every_part_has_a_hash_and_its_counts(built):
    lock = locked()
    assert sorted(lock["parts"]) == [
        "augmented/train", "rirs/test", "rirs/train", "split/dev", "split/test", "split/train", "testsets/test/clean",
    ]  # fmt: skip
    assert len({part["sha256"] for part in lock["parts"].values()}) == len(lock["parts"])
    assert lock["parts"]["split/train"]["cuts"] == 14
    assert len(json.dumps(lock)) < 2000


def test_shard_size_and_order_change_no_hash(built, params):
    before = locked()
    augment(eventful(params, clips_per_shard=3))
    write_cuts(Path("data/split/train.jsonl.gz"), reversed(list(read_cuts(Path("data/split/train.jsonl.gz")))))
    assert len(list(Path("data/augmented/shar").glob("*.tar"))) > 4
    assert locked() == before


@pytest.mark.parametrize("fact", ["audio", "label", "id"])
def test_one_fact_of_one_clip_changes_its_part_and_no_other(built, fact):
    members = list(members_of(open_tree()))
    before = lock_of(members, "computer")
    place = next(place for place, member in enumerate(members) if member.part == "split/train")
    members[place] = replace(members[place], **{fact: "another"})
    after = lock_of(members, "computer")
    assert {part for part in before["parts"] if before["parts"][part] != after["parts"][part]} == {"split/train"}
    assert before["dataset"] != after["dataset"]


def test_check_names_the_part_that_differs(built):
    write_lock(locked())
    check_lock(locked())
    cuts = [with_fields(cut, label="confusable") for cut in read_cuts(Path("data/split/dev.jsonl.gz"))]
    write_cuts(Path("data/split/dev.jsonl.gz"), cuts)
    with pytest.raises(LockError, match="split/dev") as raised:
        check_lock(locked())
    assert "split/train" not in str(raised.value)


def test_a_clip_without_a_hash_is_refused(built):
    members = [replace(next(members_of(open_tree())), audio="")]
    with pytest.raises(LockError, match="audio_sha256"):
        lock_of(members, "computer")


def test_sound_that_is_not_what_the_manifest_says_is_found(built, params):
    from kwsdata.clips.shards import read_clips

    executor = eventful(params).executor
    count = verify_sound(executor)
    assert count == sum(
        part["cuts"] for name, part in stats(members_of(open_tree())).items() if not name.startswith("rirs/")
    )
    clips = list(read_clips(Path("data/augmented")))
    clips[2] = replace(clips[2], wave=-clips[2].wave)
    for path in Path("data/augmented/shar").iterdir():
        path.unlink()
    write_shards(Path("data/augmented/shar"), clips, 100)
    with pytest.raises(LockError, match=clips[2].cut.id):
        verify_sound(executor)

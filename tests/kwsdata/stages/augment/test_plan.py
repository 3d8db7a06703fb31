"""Shards are groups of parents that other parents leave alone."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kwsdata.files.atomic import read_json, write_jsonl_gz
from kwsdata.stages.augment.plan import Parent, group_parents, make_plan

BITS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60, unique=True)


def parents(bits: list[int], clips: int = 3) -> list[Parent]:
    return [Parent(value, clips, index, 1) for index, value in enumerate(bits)]


@settings(max_examples=60)
@given(bits=BITS, limit=st.integers(1, 40))
def test_every_parent_is_in_one_group_within_the_limit(bits: list[int], limit: int) -> None:
    groups = [[parent.bits for parent in group] for group in group_parents(parents(bits), limit)]
    assert sorted(value for group in groups for value in group) == sorted(bits)
    assert all(len(group) * 3 <= limit or len(group) == 1 for group in groups)


@settings(max_examples=60)
@given(bits=BITS, new=st.integers(0, 2**64 - 1), limit=st.integers(3, 40))
def test_a_parent_that_joins_touches_one_group(bits: list[int], new: int, limit: int) -> None:
    def groups(values: list[int]) -> set[tuple[int, ...]]:
        return {tuple(parent.bits for parent in group) for group in group_parents(parents(values), limit)}

    if new not in bits:
        assert len(groups(bits) - groups([*bits, new])) <= 1


def row(number: int, label: str, seconds: float) -> dict:
    custom = {"label": label, "corpus": label, "shard": f"x.tar:{number}:1", "audio_sha256": str(number)}
    return {
        "id": f"{label}-{number}",
        "duration": seconds,
        "recording": {"num_samples": round(seconds * 16_000)},
        "custom": custom,
    }


def test_leads_come_from_a_few_short_recordings_and_noises_from_all(tmp_path: Path, params) -> None:
    rows = [row(n, "speech", 5.0) for n in range(900)] + [row(900 + n, "speech", 60.0) for n in range(100)]
    rows += [row(2000 + n, "noise", 60.0) for n in range(300)]
    write_jsonl_gz(tmp_path / "train.jsonl.gz", rows)
    plan = make_plan(tmp_path / "train.jsonl.gz", params.augment, tmp_path)
    pools = read_json(plan.pools)
    assert len(pools["noise"]) == 300
    assert len(pools["speech"]) == 200
    assert all(sound["samples"] <= 15 * 16_000 for sound in pools["speech"].values())
    write_jsonl_gz(tmp_path / "train.jsonl.gz", rows[::-1])
    assert read_json(make_plan(tmp_path / "train.jsonl.gz", params.augment, tmp_path).pools) == pools

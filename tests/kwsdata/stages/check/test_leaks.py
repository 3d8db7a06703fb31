"""The rules that read manifests alone, on cuts that are read from disk as often as needed and never held."""

from itertools import product
from pathlib import Path

import pytest

from kwsdata.clips.manifests import make_cut, with_fields, write_cuts
from kwsdata.stages.check.leaks import cross_partition_sources, same_sound, shared_speakers
from kwsdata.stages.check.manifest import Manifest, groups_of


def word(name: str, sound: int, speaker: str = "a:1", label: str = "speech"):
    custom = {"corpus": "a", "label": label, "audio_sha256": f"{sound:064x}", "shard": "a/shar/recording.000000.tar"}
    return make_cut(name, 100, speaker=speaker, custom=custom)


@pytest.fixture
def manifests(tmp_path):
    def write(**cuts):
        for partition, listed in cuts.items():
            write_cuts(tmp_path / f"{partition}.jsonl.gz", listed)
        return {partition: Manifest(tmp_path / f"{partition}.jsonl.gz") for partition in cuts}

    return write


def test_the_same_samples_are_found_across_partitions_and_labels_and_nowhere_else(manifests):
    # The low half of the hash is what `word` sets: digests are told apart by every bit of it.
    apart = 1 << 128
    cuts = manifests(
        train=[word("t1", 1 * apart), word("t2", 2 * apart), word("t3", 3 * apart), word("t4", 2 * apart),
               word("t5", 4 * apart), word("t6", 4 * apart, label="keyword")],
        dev=[word("d1", 2 * apart), word("d2", 5 * apart)],
        test=[word("e1", 3 * apart), word("e2", 3 * apart), word("e3", 6 * apart)],
    )  # fmt: skip
    found = list(same_sound(cuts))
    assert [finding.cuts for finding in found] == [["t2", "t4", "d1"], ["t3", "e1", "e2"], ["t5", "t6"]]
    assert [finding.exclude for finding in found] == [["t2", "t4"], ["t3", "e1"], ["t5"]]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_every_pair_of_equal_sounds_is_found_whatever_lies_between(manifests, size):
    sounds = [number << 130 for number in range(size)]
    train = [word(f"t{number}", sound) for number, sound in enumerate(sounds)]
    dev = [word(f"d{number}", sound) for number, sound in enumerate(reversed(sounds)) if number % 3 == 0]
    found = {tuple(finding.cuts) for finding in same_sound(manifests(train=train, dev=dev))}
    expected = {(t.id, d.id) for t, d in product(train, dev) if t.custom["audio_sha256"] == d.custom["audio_sha256"]}
    assert found == expected


def test_no_cuts_are_no_findings(manifests):
    cuts = manifests(train=[], dev=[], test=[])
    assert list(same_sound(cuts)) == list(shared_speakers(cuts)) == []


def test_a_speaker_in_two_partitions_is_found_with_all_clips(manifests):
    cuts = manifests(
        train=[word("t1", 1, "a:1"), word("t2", 2, "a:2"), word("t3", 3, "a:1")],
        dev=[word("d1", 4, "a:1"), word("d2", 5, "a:3")],
    )
    (found,) = shared_speakers(cuts)
    assert found.message == "a:1: 2 clips in train, 1 clips in dev"
    assert found.cuts == ["t1", "t3", "d1"]


PEOPLE = [  # speaker, person of a train clip and of a test clip; is it one person for sure, or perhaps?
    ("l1:1272", "libri:1272", "l2:1272", "libri:1272", "shared_speaker"),
    ("l1:Alice", "ours:alice", "l2:ALICE", "ours:alice", "shared_speaker"),
    ("a:Alice", None, "a:alice", None, "shared_speaker"),
    ("a:Stra\u00dfe", None, "a:STRASSE", None, "shared_speaker"),
    ("a:\uff21lice", None, "a:alice", None, "shared_speaker"),
    ("a:Zoe\u0301", None, "a:zo\u00e9", None, "shared_speaker"),
    ("a:1", None, "a:1", None, "shared_speaker"),
    ("l1:1272", None, "l2:1272", None, "speaker_namesake"),
    ("l1:Alice", None, "l2:alice", None, "speaker_namesake"),
    ("l1:1272", "libri:1272", "l2:1272", None, "speaker_namesake"),
    ("l1:1272", "libri:1272", "l2:1272", "other:1272", "speaker_namesake"),
    ("l1:1272", "libri:1272", "l2:1273", "libri:1273", None),
    ("a:1", None, "a:2", None, None),
    ("a:alice", None, "b:bob", None, None),
]


@pytest.mark.parametrize(("one", "person", "other", "twin", "rule"), PEOPLE)
def test_one_person_under_two_names_is_found(manifests, one, person, other, twin, rule):
    def clip(name, sound, speaker, identity):
        return with_fields(word(name, sound, speaker), corpus=speaker.split(":")[0], person=identity)

    cuts = manifests(train=[clip("t1", 1, one, person)], dev=[], test=[clip("e1", 2, other, twin)])
    found = list(shared_speakers(cuts))
    assert [finding.rule for finding in found] == ([rule] if rule else [])
    if rule == "shared_speaker":
        assert found[0].cuts == ["t1", "e1"]
    if rule == "speaker_namesake":
        assert "--speaker-namespace" in found[0].fix


def test_people_of_one_name_in_one_partition_noises_and_synthetic_voices_are_no_namesakes(manifests):
    def clips(**fields):
        return [with_fields(word(f"{c}1", n, f"{c}:7"), corpus=c, **fields) for n, c in enumerate("ab")]

    assert not list(shared_speakers(manifests(train=clips(), test=[])))
    for fields in ({"label": "noise"}, {"synthetic": True}):
        one, other = clips(**fields)
        assert not list(shared_speakers(manifests(train=[one], test=[other])))


def test_a_window_mined_from_what_is_held_is_astray(manifests):
    cuts = manifests(train=[word("t1", 1)], dev=[word("d1", 2)], test=[word("e1", 3)])
    mined = [with_fields(word(f"m{number}", 9), parent_sha256=f"{number:064x}") for number in (1, 2, 3)]
    found = list(cross_partition_sources(cuts, Path("nowhere"), mined, Path("nowhere")))
    assert [finding.cuts for finding in found] == [["m2", "d1"], ["m3", "e1"]]


def test_groups_hold_every_cut_once():
    cuts = [word(f"t{number}", number) for number in range(7)]
    assert [[cut.id for cut in group] for group in groups_of(iter(cuts), 3)] == [
        ["t0", "t1", "t2"], ["t3", "t4", "t5"], ["t6"],
    ]  # fmt: skip

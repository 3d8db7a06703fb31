"""What all imports share: names, choosing, replacing, archives."""

import hashlib
import logging
import shutil
import tarfile
import zipfile
from dataclasses import replace

import pytest
from corpus_trees import librispeech, put_tone, speech_commands

import kwsdata.importers.run as run_module
from kwsdata.clips.manifests import safe_id
from kwsdata.errors import CorpusError
from kwsdata.importers import importer_for
from kwsdata.importers.archives import check
from kwsdata.importers.declaration import Remote
from kwsdata.importers.source import MAX_ID, clip_id


@pytest.fixture
def words(tmp_path):
    for number in range(12):
        put_tone(tmp_path / f"words/{('yes', 'no', 'up')[number % 3]}/{number}.wav", number)
    return tmp_path / "words"


def test_words_keeps_only_those(importing, words):
    summary = importing("folder", words, role="keyword", words=["YES", "up"])
    assert summary["most_common_texts"] == {"yes": 4, "up": 4}
    with pytest.raises(CorpusError, match="none of 12 sounds says any of maybe"):
        importing("folder", words, role="keyword", words=["maybe"], name="other")


def test_limit_keeps_an_even_sample_that_grows(importing, words):
    summary = importing("folder", words, role="keyword", limit=6)
    assert set(summary["most_common_texts"]) == {"yes", "no", "up"}  # not the first six of the alphabet
    few = {cut.custom["origin"] for cut in importing.cuts().values()}
    importing("folder", words, role="keyword", limit=9, name="more")
    assert len(few) == 6
    assert few < {cut.custom["origin"] for cut in importing.cuts("more").values()}


def test_match_chooses_by_path(importing, words):
    assert importing("folder", words, role="keyword", match=r"^(yes|no)/\d\.")["clips"] == 7


def test_another_corpus_is_replaced_only_by_force(importing, words, tmp_path):
    importing("folder", words, role="keyword")
    with pytest.raises(CorpusError, match=r"already holds another corpus.*--force"):
        importing("folder", words, role="noise")
    with pytest.raises(CorpusError, match="already holds another corpus"):
        importing("folder", words / "yes", role="keyword")
    assert importing("folder", words, role="noise", force=True)["role"] == "noise"


@pytest.mark.parametrize("name", ["", "my corpus", "a/b", "été", "x" * 33])
def test_a_name_that_makes_no_file_name_is_refused(importing, words, name):
    with pytest.raises(CorpusError, match="must be 1 to 32 letters"):
        importing("folder", words, role="keyword", name=name)


def test_a_missing_or_empty_path_tells_the_layout(importing, tmp_path):
    with pytest.raises(CorpusError, match=r"does not exist.*WORD/SPEAKER_nohash_N.wav"):
        importing("speech-commands", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"holds no sound for `folder`.*sound files"):
        importing("folder", tmp_path / "empty", role="noise")


def test_an_unknown_licence_is_said(importing, words, caplog):
    with caplog.at_level(logging.WARNING):
        assert importing("folder", words, role="keyword")["licence"] == "unknown"
    assert "--licence" in caplog.text


def test_files_of_one_name_are_not_two_clips(importing, tmp_path):
    put_tone(tmp_path / "x/a.wav", 0)
    put_tone(tmp_path / "x/a.flac", 1)
    put_tone(tmp_path / "x/b/c.wav", 2)
    put_tone(tmp_path / "x/b_c.wav", 3)
    assert importing("folder", tmp_path / "x", role="noise")["clips"] == 2
    assert importing.rejects() == {
        "a.wav": "same clip name as a.flac: rename one of them",
        "b_c.wav": "same clip name as b/c.wav: rename one of them",
    }


def test_a_sound_that_comes_twice_is_told_by_its_file(importing, tmp_path):
    put_tone(tmp_path / "x/Größe/a b.wav", 0)
    put_tone(tmp_path / "x/b.wav", 1)
    for name in ("x/z.wav", "x/anna/1.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "x/Größe/a b.wav", tmp_path / name)
    assert importing("folder", tmp_path / "x", role="noise")["clips"] == 2
    assert importing.rejects() == {
        "anna/1.flac": "same sound as Größe/a b.wav",
        "z.wav": "same sound as Größe/a b.wav",
    }


def test_clip_names_stay_apart_in_any_script_and_fit_a_tar():
    keys = [
        "كتاب/cv_1.opus",
        "مدرسة/cv_1.opus",
        "a b/1.wav",
        "a_b/1.wav",
        "v1.2/1.wav",
        "v1_2/1.wav",
        "x" * 300,
        "x" * 301,
    ]
    names = [clip_id(key) for key in keys]
    assert len(set(names)) == len(keys)
    assert all(safe_id(name) == name and len(name) <= MAX_ID for name in names)
    assert clip_id("yes/0a7c_nohash_0.wav") == "yes_0a7c_nohash_0"  # an ordinary name stays readable


def test_an_archive_is_checked_and_unpacked(importing, tmp_path, monkeypatch, caplog):
    tree = speech_commands(tmp_path / "tree")
    archive = tmp_path / "speech_commands_v0.02.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree, arcname=".")
    with pytest.raises(
        CorpusError, match=r"has the sha256 [0-9a-f]{64}, its source publishes af14739e.*download it again"
    ):
        importing("speech-commands", archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    declared = replace(
        importer_for("speech-commands"), remotes=(Remote(f"https://x.org/{archive.name}", f"sha256:{digest}"),)
    )
    monkeypatch.setattr(run_module, "importer_for", lambda kind: declared)
    with caplog.at_level(logging.WARNING):
        packed = importing("speech-commands", archive)
    assert "_background_noise_ was left out" in caplog.text
    assert packed == importing("speech-commands", tree, name="tree") | {"name": "tiny"}
    assert sorted(path.name for path in importing.out.iterdir()) == ["tiny", "tree"]


def test_an_archive_nobody_published_is_unpacked_unchecked(importing, tmp_path, caplog):
    put_tone(tmp_path / "x/yes/1.wav", 0)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as packed:
        packed.write(tmp_path / "x/yes/1.wav", "yes/1.wav")
    with caplog.at_level(logging.WARNING):
        assert importing("folder", tmp_path / "mine.zip", role="keyword")["most_common_texts"] == {"yes": 1}
    assert "not checked" in caplog.text
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(CorpusError, match=r"bad.zip cannot be unpacked"):
        importing("folder", tmp_path / "bad.zip", role="keyword", name="bad")


def test_a_published_md5_is_compared_too(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"abc")
    check(path, [Remote("https://x.org/a.tar.gz", "md5:900150983cd24fb0d6963f7d28e17f72")])  # RFC 1321
    with pytest.raises(CorpusError, match=r"download it again from https://x\.org/a"):
        check(path, [Remote("https://x.org/a.tar.gz", "md5:" + "0" * 32)])


def test_librispeech_is_the_same_from_any_folder_of_it(importing, tmp_path):
    root = librispeech(tmp_path / "tree")
    found = []
    for number, path in enumerate((root.parent, root, root / "dev-clean")):
        importing("librispeech", path, name=f"libri{number}")
        found.append({cut_id.removeprefix(f"libri{number}-") for cut_id in importing.cuts(f"libri{number}")})
    assert found[0] == found[1] == found[2] == {"84-121123-0000", "84-121123-0001", "174-50561-0000"}


def test_librispeech_accounts_for_what_its_recipe_skips(importing, tmp_path, caplog):
    root = librispeech(tmp_path / "tree")
    chapter = root / "dev-clean/84/121123"
    put_tone(chapter / "84-121123-0009.flac", 9)
    (chapter / "84-121123-0001.flac").unlink()
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    importing("librispeech", root)
    rejects = importing.rejects()
    assert rejects["dev-clean/84/121123/84-121123-0009.flac"] == "no transcript"
    assert rejects["dev-clean/84/121123/84-121123-0001.flac"] == "missing (84-121123.trans.txt lists it)"
    assert len(rejects) == 4
    assert "No such file" not in caplog.text  # the recipe's own words, about a temporary path


PATTERN = r"^(?P<speaker>[^/]+)/"


def people_of(importing, name):
    return {cut.custom.get("person") for cut in importing.cuts(name).values()}


def test_people_of_a_namespace_are_the_same_in_every_corpus_of_it(importing, words):
    for name in ("one", "two"):
        importing(
            "folder", words, role="speech", name=name, speaker_pattern=PATTERN, speaker_namespace="books", force=True
        )
    assert people_of(importing, "one") == people_of(importing, "two") == {"books:yes", "books:no", "books:up"}
    importing("folder", words, role="speech", name="alone", speaker_pattern=PATTERN)
    assert people_of(importing, "alone") == {None}


@pytest.mark.parametrize(
    ("kind", "namespace"),
    [
        ("librispeech", "librispeech"),
        ("common-voice", "common-voice"),
        ("mswc", "common-voice"),  # its clips are cut out of Common Voice
        ("speech-commands", "speech-commands"),
        ("folder", None),
        ("musan", None),
    ],
)
def test_kinds_that_share_people_say_so(kind, namespace):
    assert importer_for(kind).speaker_namespace == namespace


@pytest.mark.parametrize("namespace", ["", "my people", "a/b", "x" * 33])
def test_a_namespace_that_is_no_name_is_refused(importing, words, namespace):
    with pytest.raises(CorpusError, match=r"--speaker-namespace .* must be 1 to 32 letters"):
        importing("folder", words, role="speech", speaker_pattern=PATTERN, speaker_namespace=namespace)


def test_noise_has_no_namespace(importing, words):
    with pytest.raises(CorpusError, match="nobody speaks in it"):
        importing("folder", words, role="noise", speaker_namespace="books")

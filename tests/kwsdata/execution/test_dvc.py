import logging
import subprocess
import sys

import pytest

from kwsdata.errors import CorpusError
from kwsdata.execution.dvc import dvc_root, track


def test_outside_a_repository_it_says_so(tmp_path, caplog):
    (tmp_path / "corpus").mkdir()
    with caplog.at_level(logging.WARNING):
        assert track(tmp_path / "corpus") is None
    assert "dvc init" in caplog.text


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=root, check=True)
    return root


def test_a_directory_gets_a_pointer_and_adding_it_again_changes_nothing(repository):
    corpus = repository / "data/corpora/tiny"
    corpus.mkdir(parents=True)
    (corpus / "corpus.json").write_text("{}")
    assert dvc_root(corpus) == repository
    pointer = track(corpus)
    assert pointer == repository / "data/corpora/tiny.dvc"
    first = pointer.read_text()
    assert "md5" in first and "path: tiny" in first
    track(corpus)
    assert pointer.read_text() == first
    (corpus / "corpus.json").write_text("{ }")
    track(corpus)
    assert pointer.read_text() != first


def test_without_git_it_says_what_to_type(tmp_path, caplog, monkeypatch):
    """As in a project that was unpacked from an archive."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    (tmp_path / "corpus").mkdir()
    with caplog.at_level(logging.WARNING):
        assert track(tmp_path / "corpus") is None
    assert "is no git repository. Type `git init`, or `dvc config --local core.no_scm true`" in caplog.text
    assert "then `dvc add corpus`" in caplog.text


def test_imports_at_once_are_all_tracked(repository):
    names = [f"at-once-{number}" for number in range(4)]
    for name in names:
        (repository / name).mkdir()
        (repository / name / "x").write_text(name)
    code = "import sys; from pathlib import Path; from kwsdata.execution.dvc import track; track(Path(sys.argv[1]))"
    tracks = [subprocess.Popen([sys.executable, "-c", code, repository / name]) for name in names]
    assert {process.wait() for process in tracks} == {0}
    assert all((repository / f"{name}.dvc").exists() for name in names)


def test_a_failure_is_told_in_dvcs_words(repository):
    with pytest.raises(CorpusError, match=r"dvc add nowhere.*failed: ERROR: .*nowhere"):
        track(repository / "nowhere")

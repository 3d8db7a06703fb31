import logging
import subprocess
import sys

import pytest

from kwsdata.errors import CorpusError
from kwsdata.tracking import dvc_root, track


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


def test_a_failure_is_told_in_dvcs_words(repository):
    with pytest.raises(CorpusError, match=r"dvc add nowhere.*failed: ERROR: .*nowhere"):
        track(repository / "nowhere")

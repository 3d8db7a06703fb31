"""The notebook runs from top to bottom, and ends with the word found in a file."""

import os

import nbclient
import nbformat
import pytest
from imports import ROOT
from wheels import surroundings

NOTEBOOK = ROOT / "examples" / "wake_word.ipynb"


def test_the_notebook_was_run_from_top_to_bottom_without_an_error():
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
    assert "found" in cells[-1].outputs[-1]["text"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's own machinery
def test_the_notebook_runs_and_finds_the_word_in_a_file(installed, tmp_path, monkeypatch):
    for name, value in surroundings(installed).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    notebook = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()  # raises where a cell fails
    assert notebook.cells[-2].outputs[-1]["text"].endswith(" found\n")

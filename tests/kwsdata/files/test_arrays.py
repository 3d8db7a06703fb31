"""Files of arrays that are damaged, or that would run code, end in one line."""

import os
import pickle

import numpy as np
import pytest

from kwsdata.errors import StageInputError
from kwsdata.files.arrays import arrays_in, map_array


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def npy(value) -> bytes:
    from io import BytesIO

    file = BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def npz(**arrays) -> bytes:
    from io import BytesIO

    file = BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)
    return file.getvalue()


WHOLE = np.arange(1000, dtype=np.float32)
DAMAGED = {
    "pickled objects": npy(np.array([Evil()], dtype=object)),
    "a pickle": pickle.dumps(Evil()),
    "empty": b"",
    "half a head": npy(WHOLE)[:30],
    "half the numbers": npy(WHOLE)[:1000],
    "zeros": bytes(1000),
    "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
    "an odd head": npy(WHOLE).replace(b"<f4", b"<Q4"),
    "a head that runs": npy(WHOLE).replace(b"(1000,), }", b"__import__"),
    "a head of gigabytes": npy(WHOLE).replace(b"(1000,)", b"(9**99,"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_is_no_array_of_numbers_is_refused(project, name):
    (project / "a.npy").write_bytes(DAMAGED[name])
    with pytest.raises(StageInputError, match=r"a\.npy cannot be read .*remake it with `dvc repro x`"):
        map_array(project / "a.npy", "dvc repro x")
    assert not (project / "ran").exists()


@pytest.mark.parametrize(
    "raw",
    [b"", npz(a=WHOLE)[:200], npz(a=WHOLE)[200:], npy(WHOLE), npz(a=np.array([Evil()], dtype=object)), b"PK\x03\x04",
     npz(a=WHOLE).replace(b"PK\x01\x02", b"PK\x01\x03"), pickle.dumps(Evil())],
)  # fmt: skip
def test_an_archive_that_is_damaged_is_refused(project, raw):
    (project / "a.npz").write_bytes(raw)
    with pytest.raises(StageInputError, match=r"a\.npz cannot be read"):
        arrays_in(project / "a.npz", "dvc repro x")
    assert not (project / "ran").exists()


def test_a_missing_file_and_a_directory_are_named(project):
    for read in (map_array, arrays_in):
        with pytest.raises(StageInputError, match="a.npy is missing: remake it"):
            read(project / "a.npy", "dvc repro x")
        with pytest.raises(StageInputError, match="cannot be read"):
            read(project, "dvc repro x")


def test_whole_files_are_read(project):
    (project / "a.npy").write_bytes(npy(WHOLE))
    (project / "a.npz").write_bytes(npz(a=WHOLE, b=WHOLE[:0]))
    assert np.array_equal(map_array(project / "a.npy", "x"), WHOLE)
    assert {name: array.size for name, array in arrays_in(project / "a.npz", "x").items()} == {"a": 1000, "b": 0}

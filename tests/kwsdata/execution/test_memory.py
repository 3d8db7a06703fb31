import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import numpy as np
from kwsdata.execution.memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.ones(500_000, dtype=np.float32) for _ in range(4)]  # 8 MB: 2000 pages
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
assert keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_arrays_of_seconds_of_sound_take_no_fresh_pages() -> None:
    made = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(made.stdout) < 2000  # once would be 2000, and 20 times 40 000 were they handed back


FREEZES = """
import gc
from kwsdata.execution.memory import leave_imports_uncollected
leave_imports_uncollected()
before = gc.get_freeze_count()
leave_imports_uncollected()
class Ring: pass
ring = Ring()
ring.itself = ring
del ring
print(before, gc.get_freeze_count(), gc.collect())
"""


def test_what_is_imported_is_collected_no_more_and_what_comes_later_is() -> None:
    made = subprocess.run([sys.executable, "-c", FREEZES], capture_output=True, text=True, check=True)
    frozen, again, found = map(int, made.stdout.split())
    assert frozen > 1000
    assert again <= frozen
    assert found >= 1

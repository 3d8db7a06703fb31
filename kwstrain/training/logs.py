"""Write a run's DVCLive logs, which `dvc plots`, `dvc exp show` and editors read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Log:
    """One row a measurement, into `directory`; rows of before an interruption are written again first."""

    def __init__(self, directory: Path, history: Iterable[dict[str, Any]]) -> None:
        from dvclive import Live  # imports dvc: 1 s that only training pays
        from scmrepo.exceptions import SCMError

        class AnywhereLive(Live):
            """DVCLive that can start in a git repository without a commit: it asks for HEAD before it looks."""

            def _init_dvc(self) -> None:
                try:
                    super()._init_dvc()
                except SCMError:
                    self._dvc_repo = None

        # Never `end()`ed: under `dvc exp run` that would add the directory to git.
        self._live = AnywhereLive(str(directory), resume=False, report=None, save_dvc_exp=False, dvcyaml=None)
        for row in history:
            self.add(row)

    def add(self, row: dict[str, Any]) -> None:
        """Log the numbers of `row`; a list becomes one metric a place; `step` is the step."""
        self._live.step = row["step"]
        for name, value in row.items():
            if name == "step":
                continue
            if isinstance(value, list):
                for place, part in enumerate(value, 1):
                    self._live.log_metric(f"{name}/{place}", part)
            else:
                self._live.log_metric(name, value)
        self._live.make_summary()

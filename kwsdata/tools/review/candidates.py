"""The candidates of a mining run as the review shows them, with what was decided so far."""

from collections import Counter
from pathlib import Path
from typing import Any

from kwsdata.clips.decisions import Decision, Decisions, Verdict, append_decision, load_decisions
from kwsdata.clips.pieces import Piece, piece_from_row
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_jsonl_gz

ORDER = ("review", "keyword", "mine", "left_out")  # doubtful ones first
_SHOWN = ("id", "status", "reason", "found_by", "rank", "similarity", "margin", "nearest", "score", "at_s", "pool")
_OF_THE_PIECE = ("clip", "corpus", "speaker", "text")


class Candidates:
    """Every candidate, in the order they are reviewed; a candidate's number is its place in it."""

    def __init__(self, mined: Path, decisions: Path) -> None:
        """Read what the stage `mine_negatives` left in `mined`.

        Raises:
            StageInputError: a file is missing or damaged. Later, any method may raise it for `decisions`.
        """
        self._decisions_path = Path(decisions)
        self._stamp: tuple[int, int, int] | None = None
        self._read = Decisions()
        self._decisions()
        try:
            rows = list(read_jsonl_gz(Path(mined) / "candidates.jsonl.gz"))
            self._rows = sorted(rows, key=lambda row: ORDER.index(row["status"]))
            self._pieces = [piece_from_row(row["piece"]) for row in self._rows]
            self._middles = [int(row["middle"]) for row in self._rows]
            self._windows = [int(row["window"]) for row in self._rows]
            if any(not isinstance(row["rank"], int | float) for row in self._rows):
                raise ValueError("a rank is no number")
            words = list(read_jsonl_gz(Path(mined) / "words.jsonl.gz"))
            self._words = {row["piece"]["clip"]: (piece_from_row(row["piece"]), int(row["middle"])) for row in words}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise StageInputError(
                f"{mined} holds no candidates of this version ({error!r}): type `dvc repro mine_negatives`."
            ) from None

    def __len__(self) -> int:
        return len(self._rows)

    def place(self, number: int) -> tuple[Piece, int]:
        """Return the piece of a candidate and the sample of its recording in the window's middle."""
        return self._pieces[number], self._middles[number]

    def window(self, number: int) -> int:
        """Return how many samples of sound were compared."""
        return self._windows[number]

    def nearest_place(self, number: int) -> tuple[Piece, int] | None:
        """Return the same of the keyword recording that it is nearest to."""
        return self._words.get(self._rows[number]["nearest"])

    def verdict(self, number: int) -> Verdict | None:
        """Return what was decided about a candidate."""
        return self._verdict(self._decisions(), number)

    def decide(self, number: int, verdict: Verdict) -> None:
        """Write down a decision; it is on disk when this returns.

        Raises:
            StageInputError: the file of decisions was damaged meanwhile; nothing is added to it.
            LockedError: another process does not let go of it.
            OSError: it cannot be written; it is as it was.
        """
        piece = self._pieces[number]
        self._decisions()
        append_decision(self._decisions_path, Decision(piece.identity, self._middles[number], piece.clip, verdict))

    def row(self, number: int) -> dict[str, Any]:
        """Return what is shown of a candidate."""
        row = self._rows[number]
        shown = {key: row.get(key) for key in _SHOWN} | {key: row["piece"].get(key) for key in _OF_THE_PIECE}
        return {"number": number, "verdict": self.verdict(number)} | shown

    def numbers(self, status: str | None, undecided: bool) -> list[int]:
        """Return the candidates of a status (all, if None), or those of them that nobody decided on."""
        decisions = self._decisions()
        return [
            number
            for number, row in enumerate(self._rows)
            if status in (None, row["status"]) and not (undecided and self._verdict(decisions, number) is not None)
        ]

    def counts(self) -> dict[str, int]:
        """Return how many candidates each status has, and how many are decided."""
        counts = Counter(row["status"] for row in self._rows)
        return {status: counts[status] for status in ORDER} | {"decided": len(self._decisions())}

    def _verdict(self, decisions: Decisions, number: int) -> Verdict | None:
        return decisions.verdict(self._pieces[number].identity, self._middles[number])

    def _decisions(self) -> Decisions:
        """Return the decisions on disk, read again where another process (a review, git) wrote them since."""
        try:
            there = self._decisions_path.stat()
            stamp = there.st_ino, there.st_size, there.st_mtime_ns
        except FileNotFoundError:
            stamp = 0, 0, 0
        if stamp != self._stamp:
            self._read, self._stamp = load_decisions(self._decisions_path), stamp
        return self._read

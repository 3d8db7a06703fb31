"""The tables that corpora come with: CSV and TSV, read row by row, with errors that name the column."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from kwsdata.errors import CorpusError


def rows_of(
    path: Path, needed: Sequence[str], optional: Sequence[str] | None = None, *, tabs: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a UTF-8 table with a header; absent and missing values are "".

    Args:
        path: of the table.
        needed: columns it must have.
        optional: the only other columns it may have; None allows any.
        tabs: tab-separated, where a quotation mark is a letter like any other; else CSV.

    Raises:
        CorpusError: the file cannot be read as such a table, lacks a column, or has one that means nothing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = (
                csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
                if tabs
                else csv.DictReader(file, restval="")
            )
            names = list(rows.fieldnames or ())
            missing = [name for name in needed if name not in names]
            strange = [name for name in names if optional is not None and name not in (*needed, *optional)]
            if missing or strange:
                what = f"lacks the columns {', '.join(missing)}" if missing else f"has the columns {', '.join(strange)}"
                allowed = f"; it may have {', '.join((*needed, *optional))}" if optional is not None else ""
                raise CorpusError(f"{path} {what}; its header is {','.join(names) or '(empty)'}{allowed}.")
            for row in rows:
                yield rows.line_num, {name: row[name].strip() for name in names}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a UTF-8 table ({error}).") from None

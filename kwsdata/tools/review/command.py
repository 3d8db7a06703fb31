"""Run the review until it is interrupted, or write its hardest windows as a file."""

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kwsdata.clips.decisions import DECISIONS
from kwsdata.errors import KwsError
from kwsdata.files.locks import take
from kwsdata.tools.review.candidates import ORDER, Candidates
from kwsdata.tools.review.export import export_page
from kwsdata.tools.review.server import ReviewServer


def review(
    mined: Path = Path("data/mined"), decisions: Path = DECISIONS, port: int = 0, open_browser: bool = True
) -> dict[str, Any]:
    """Serve the page on this machine until Ctrl-C; return how many candidates of each status there are, and decisions.

    Raises:
        StageInputError: there are no candidates.
        KwsError: the port is no port, or taken; or another review writes the same decisions.
        OSError: decisions cannot be written here.
    """
    if not 0 <= port < 1 << 16:
        raise KwsError(f"--port {port}: give a port from 1 to 65535, or 0 for any that is free.")
    candidates = Candidates(mined, decisions)
    with _alone(Path(decisions)) as note:
        try:
            server = ReviewServer(candidates, port)
        except OSError as error:
            raise KwsError(
                f"port {port} cannot be used ({error.strerror}): give another --port, or 0 for any."
            ) from None
        note.write_text(server.url)
        print(f"review: {server.url}   (Ctrl-C ends it; decisions go to {decisions})", flush=True)
        if open_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            server.server_close()
    return candidates.counts()


@contextmanager
def _alone(decisions: Path) -> Iterator[Path]:
    """Be the one review of `decisions`; yield the file in which others read where it is.

    Raises:
        KwsError: another review runs.
    """
    decisions.parent.mkdir(parents=True, exist_ok=True)
    note = decisions.with_name(f".{decisions.name}.review.lock")
    lock = take(note)
    if lock is None:
        raise KwsError(
            f"another review of {decisions} runs at {note.read_text() or 'an address of its own'}: decide there, or "
            "end it with Ctrl-C. `--export FILE.html` works beside it."
        )
    try:
        yield note
    finally:
        lock.release()


def export(
    out: Path, count: int, status: str = "mine", mined: Path = Path("data/mined"), decisions: Path = DECISIONS
) -> dict[str, Any]:
    """Write the `count` hardest candidates of a status (or of `all`) to the HTML file `out`.

    Raises:
        KwsError: there is no such status.
        StageInputError: there are no candidates, or a window's sound is missing.
    """
    if status not in (*ORDER, "all"):
        raise KwsError(f"--status is {status!r}: give one of {', '.join(ORDER)}, all.")
    written = export_page(Candidates(mined, decisions), out, count, None if status == "all" else status)
    return {"page": str(out), "candidates": written}

"""Run the review until it is interrupted, or write its hardest windows as a file."""

import webbrowser
from pathlib import Path
from typing import Any

from kwsdata.decisions import DECISIONS
from kwsdata.errors import KwsError
from kwsdata.review.candidates import ORDER, Candidates
from kwsdata.review.export import export_page
from kwsdata.review.server import ReviewServer


def review(
    mined: Path = Path("data/mined"), decisions: Path = DECISIONS, port: int = 0, open_browser: bool = True
) -> dict[str, Any]:
    """Serve the page on this machine until Ctrl-C; return how many candidates of each status there are, and decisions.

    Raises:
        StageInputError: there are no candidates.
        KwsError: the port is taken.
    """
    candidates = Candidates(mined, decisions)
    try:
        server = ReviewServer(candidates, port)
    except OSError as error:
        raise KwsError(f"port {port} cannot be used ({error.strerror}): give another --port, or 0 for any.") from None
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

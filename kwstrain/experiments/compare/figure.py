"""Draw each arm's FNR with its 95 % interval and the range over seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kwstrain.experiments.compare.bootstrap import Contrast
from kwstrain.experiments.compare.runs import Measured


def figure(path: Path, found: Sequence[tuple[Measured, list[Contrast]]], baseline: str) -> None:
    """Write an SVG file with one panel a test set and kind of threshold; the same numbers give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    settings: Any = {"svg.hashsalt": "kwstrain", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    settings["text.parse_math"] = False  # names of runs may hold a $
    with pyplot.rc_context(settings):
        arms = list(found[0][0].missed)
        columns = 2
        lines = (len(found) + 1) // columns
        picture, axes = pyplot.subplots(lines, columns, figsize=(10, 1 + lines * (0.8 + 0.32 * len(arms))), sharey=True)
        for axis, (one, contrast) in zip(axes.flat, found, strict=False):
            reference = contrast[arms.index(baseline)].fnr.value
            axis.axvline(100 * reference, color="0.75", linewidth=1, zorder=0)
            for place, (arm, c) in enumerate(zip(arms, contrast, strict=True)):
                colour = "0.35" if arm == baseline else "tab:blue"
                axis.plot([100 * c.fnr.low95, 100 * c.fnr.high95], [place, place], color=colour, linewidth=2)
                axis.plot([100 * c.lowest_seed, 100 * c.highest_seed], [place, place], "|", color=colour, markersize=9)
                axis.plot(100 * c.fnr.value, place, "o", color=colour)
            axis.set_yticks(range(len(arms)), arms)
            axis.set_ylim(len(arms) - 0.5, -0.5)
            axis.set_xlim(left=0)
            axis.set_xlabel("FNR, %")
            axis.set_title(f"{one.set}, threshold: {one.kind}", loc="left", fontsize=9)
        for axis in list(axes.flat)[len(found) :]:
            axis.axis("off")
        picture.tight_layout()
        picture.savefig(path, format="svg", metadata={"Date": None})
        pyplot.close(picture)

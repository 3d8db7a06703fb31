"""Write the gate's findings as an HTML page without scripts."""

import re
from html import escape
from itertools import groupby
from typing import Any

_LISTED = 200  # findings of one rule
_CUTS = 8  # cuts of one finding

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1f24; }
h1 .pass { color: #1a7f37 } h1 .fail { color: #b3261e }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { border: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left }
details { margin: .5rem 0 } summary { cursor: pointer; font-weight: 600 }
li { margin: .4rem 0 } code { background: #f3f4f6; padding: .1rem .3rem; overflow-wrap: anywhere }
.fails { color: #b3261e }
"""


def page_of(result: dict[str, Any]) -> str:
    """Return HTML for the contents of check.json."""
    passed = result["passed"]
    verdict = '<span class="pass">passed</span>' if passed else '<span class="fail">failed</span>'
    ordered = sorted(result["findings"], key=lambda finding: (not finding["fails"], finding["rule"]))
    rules = "".join(_rule(rule, list(group)) for rule, group in groupby(ordered, key=lambda finding: finding["rule"]))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leakage and quality gate</title>'
        f"<style>{_STYLE}</style></head><body><h1>Leakage and quality gate: {verdict}</h1>"
        f"{_counts(result['measured'])}{rules or '<p>No findings.</p>'}</body></html>\n"
    )


def _counts(measured: dict[str, Any]) -> str:
    rows = []
    for partition, labels in measured["clips"].items():
        for label, row in labels.items():
            rows.append(
                f"<tr><td>{escape(partition)}</td><td>{escape(label)}</td><td>{row['clips']}</td><td>{row['hours']:.2f}</td>"
                f"<td>{row['speakers'] or '-'}</td></tr>"
            )
    voices = "" if measured["voices"] else " Voices were not compared: the extra <code>voices</code> is not installed."
    auc = ", ".join(f"{escape(partition)} {value:.3f}" for partition, value in measured["spectrum_auc"].items())
    return (
        "<table><tr><th>partition</th><th>label</th><th>clips</th><th>hours</th><th>speakers</th></tr>"
        f"{''.join(rows)}</table><p>Mined windows: {measured['mined']}. Keyword against speech by background "
        f"and channel alone, area under the curve: {auc or '-'} (0.5: no shortcut).{voices}</p>"
    )


def _rule(rule: str, findings: list[dict[str, Any]]) -> str:
    fails = findings[0]["fails"]
    kind = '<span class="fails">ends the pipeline</span>' if fails else "reported"
    items = "".join(_item(finding) for finding in findings[:_LISTED])
    more = f"<p>... and {len(findings) - _LISTED} more, in check.json.</p>" if len(findings) > _LISTED else ""
    opened = " open" if fails else ""
    return (
        f"<details{opened}><summary>{escape(rule)}: {len(findings)} ({kind})</summary><ul>{items}</ul>{more}</details>"
    )


def _item(finding: dict[str, Any]) -> str:
    cuts = ", ".join(f"<code>{escape(cut)}</code>" for cut in finding["cuts"][:_CUTS])
    rest = f" and {len(finding['cuts']) - _CUTS} more" if len(finding["cuts"]) > _CUTS else ""
    return f"<li>{_marked(finding['message'])}.<br>{cuts}{rest}<br>To mend it: {_marked(finding['fix'])}.</li>"


def _marked(text: str) -> str:
    """Return `text` as HTML, what stands between backticks as code."""
    return re.sub("`(.+?)`", r"<code>\1</code>", escape(text))

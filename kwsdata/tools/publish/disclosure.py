"""What of params and of places may leave this machine with a dataset: no account, no secret, no path of its disks."""

import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from kwsdata.execution.http_files import shown_url

LEFT_OUT = "(left out)"
_MACHINES = ("executor.scheduler", "executor.store")  # whatever they hold
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"']*")
_ACCOUNT = re.compile("//[^/?#]*@")
_SHARED = ("http", "https", "hf")  # schemes of what anybody can read
_SIGNED = re.compile(r"[?#&;].*(?:token|sig|key|secret|passw|credential|auth|x-amz|x-goog|session)", re.IGNORECASE)
_PLACE = re.compile(r"[~/\\]|[^\s/:]+:[\\/]|(?:.*[\\/])?\.\.(?:[\\/]|$)|[^\s/@]+@[^\s/:]+:")  # on a disk, or over ssh
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NO_WORDS = ("on", "off", "yes", "no", "y", "n", "true", "false", "null")
_SECRET = re.compile(
    r"(?:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|signature|credential)s?\s*[=:]\s*\S"
    r"|\b(?:hf_|ghp_|github_pat_|xox[abp]-|sk-|glpat-)[A-Za-z0-9_-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|-----BEGIN ",
    re.IGNORECASE,
)


def without_credentials(text: str) -> str:
    """Return `text` without the accounts in its URLs, and without the queries of those that sign or hold a secret.

    >>> without_credentials("see https://ada:1@host/tv?id=7, then s3://bucket/tv?X-Amz-Signature=1")
    'see https://host/tv?id=7, then s3://bucket/tv'
    """
    return _URL.sub(
        lambda found: shown_url(found[0]) if _SIGNED.search(found[0]) else _ACCOUNT.sub("//", found[0]), text
    )


def public_params(values: dict[str, Any]) -> str:
    """Return params as YAML without what names this machine or its accounts; a comment says which keys these are.

    Other comments are left out, too: nobody can tell what stands in them.
    """
    left_out: list[str] = []
    kept = _public(values, "", left_out)
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.width, yaml.default_flow_style = 120, False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # ruamel declares None, its default
    yaml.Representer = _Quoting
    yaml.dump(kept, text)
    told = [f"# Left out, as it names a machine, an account or a secret: {key}" for key in left_out]
    head = "\n".join(["# What this dataset was made with; the comments are in the project's own file.", *told])
    return f"{head}\n{text.getvalue()}"


class _Quoting(SafeRepresenter):
    """Puts a text in quotes, unless it is a plain word to readers of YAML 1.1 and 1.2 alike."""

    def represent_str(self, data: str) -> ScalarNode:
        """Return the node of a text."""
        plain = _WORD.fullmatch(data) and data.lower() not in _NO_WORDS
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else '"')


_Quoting.add_representer(str, _Quoting.represent_str)


def _public(value: Any, where: str, left_out: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _public(held, f"{where}.{key}" if where else str(key), left_out) for key, held in value.items()}
    if isinstance(value, list):
        return [_public(held, f"{where}.{number}", left_out) for number, held in enumerate(value)]
    if value is None or not (where in _MACHINES or (isinstance(value, str) and is_private(value))):
        return value
    left_out.append(" ".join(where.split()))
    return LEFT_OUT


def is_private(text: str) -> bool:
    """Tell whether a value of params is a path outside the project, a place that not everybody can read, or a secret.

    >>> [is_private(text) for text in ("data/pools/tv", "/home/ada/tv", "https://ada:1@host/tv", "s3://bucket/tv")]
    [False, True, True, True]
    """
    urls = _URL.findall(text)
    return bool(
        any(url.partition(":")[0].lower() not in _SHARED or url != shown_url(url) for url in urls)
        or (not urls and _PLACE.match(text))
        or _SECRET.search(text)
    )

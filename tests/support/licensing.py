"""Change what the small dataset of `products` declares."""

from pathlib import Path

import yaml

from kwsdata.files.atomic import read_jsonl_gz, write_jsonl_gz


def relicense(corpus: str, licence: str) -> None:
    """Give a corpus another licence, in every manifest: of one that says something else, both count."""
    for path in (
        one for stage in ("split", "augmented/shar", "rirs", "corpora") for one in Path("data", stage).rglob("*.gz")
    ):
        rows = list(read_jsonl_gz(path))
        for row in rows:
            if row["custom"]["corpus"] == corpus:
                row["custom"]["licence"] = licence
        write_jsonl_gz(path, rows)


def set_publish(**changes) -> None:
    """Change the block `publish` of params.yaml."""
    path = Path("params.yaml")
    values = yaml.safe_load(path.read_text())
    values["publish"] |= changes
    path.write_text(yaml.safe_dump(values))

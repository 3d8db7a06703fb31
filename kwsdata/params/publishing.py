"""The block of the command `publish`."""

from pydantic import Field

from kwsdata.params.base import Block


class PublishParams(Block):
    """What is handed on, and how it is cut up.

    `exclude`: corpora to leave out, with every clip they are heard in. `permit`: {corpus: who permitted it, and when},
    for corpora whose licence alone does not. A name covers a corpus, or one engine's voices in it (`speech:espeak`).
    """

    exclude: list[str]
    permit: dict[str, str]
    clips_per_shard: int = Field(ge=1)
    shard_mb: float = Field(gt=0)  # of sound: a shard ends at whichever comes first

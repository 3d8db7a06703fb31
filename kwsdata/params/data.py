"""Blocks of the data stages: import, partitions, split, features, test sets; and what many stages read."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from kwsdata.params.base import Block
from kwsdata.text import keyword_of


class KeywordParams(Block):
    """The wake word: all that must change for another one."""

    language: str  # stands before the text, whose capitals are read by its rules
    text: str

    @field_validator("text")
    @classmethod
    def _spoken(cls, text: str, told: ValidationInfo) -> str:
        return keyword_of(text, told.data.get("language"))


class ExecutorParams(Block):
    """Where the data stages run. `workers: 0` means one a core; `scheduler` is a Dask address.

    `store`: an fsspec URL (`s3://bucket/prefix`) through which Dask workers that do not see this disk read and write.
    """

    kind: Literal["serial", "processes", "dask"]
    workers: int = Field(ge=0)
    scheduler: str | None
    store: str | None


class ArchiveParams(Block):
    """What an imported archive may unpack to; a few kilobytes can hold terabytes."""

    max_unpacked_gb: float = Field(gt=0)
    max_ratio: float = Field(ge=1)  # unpacked to packed, past 64 MiB unpacked
    max_members: int = Field(ge=1)


class CacheParams(Block):
    """How much of finished work is kept in the cache between stages; null: all of it."""

    max_gb: float | None = Field(gt=0)


class DownloadParams(Block):
    """What may be copied from a URL, and how long a server may be silent or slow."""

    max_gb: float = Field(gt=0)
    timeout_s: float = Field(gt=0)


class ImportParams(Block):
    """What makes an imported sound unusable, and how many of those a corpus may have."""

    max_reject_fraction: float = Field(ge=0, le=1)
    min_duration_s: float = Field(ge=0)
    max_duration_s: float = Field(gt=0)  # of what a file decodes to: a few kilobytes of FLAC can be days
    silence_dbfs: float = Field(le=0)
    max_clipped_fraction: float = Field(ge=0, le=1)
    clips_per_shard: int = Field(ge=1)
    archive: ArchiveParams


class PartitionsParams(Block):
    """Shares of the speakers; they sum to 1."""

    seed: int
    train: float = Field(ge=0, le=1)
    dev: float = Field(ge=0, le=1)
    test: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.dev + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + dev + test = {total:g}, must be 1")
        return self


class IndexParams(Block):
    """What recordings of role keyword may say beside `keyword.text`: other wake words of the project, speech here."""

    other_words: list[str]


class SplitParams(Block):
    """`whole`: {corpus: partition} for corpora that go undivided into one; a must where speakers are unknown."""

    whole: dict[str, Literal["train", "dev", "test"]]


class FeaturesParams(Block):
    """The front end, the same in training and on the device."""

    frontend: Literal["logmel", "micro"]
    n_mels: int = Field(ge=8, le=128)
    window_ms: float = Field(ge=1, le=1000)
    hop_ms: float = Field(ge=1, le=1000)
    low_hz: float = Field(ge=0)
    high_hz: float = Field(gt=0, le=8000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz = {self.low_hz:g} is not below high_hz = {self.high_hz:g}")
        if self.hop_ms > self.window_ms:
            raise ValueError(
                f"hop_ms = {self.hop_ms:g} is above window_ms = {self.window_ms:g}: sound would be left out"
            )
        return self


class FeaturizeParams(Block):
    """How features are stored, and what must not tell a keyword."""

    clips_per_shard: int = Field(ge=1)
    max_shortcut_auc: float = Field(ge=0.5, le=1)  # of telling keywords by background and channel alone


class NoiseReverbParams(Block):
    """The grid of the noise+reverb test set: every SNR in every reverberation, in rooms that no other partition has."""

    snr_db: list[float] = Field(min_length=1)
    t60_s: list[float] = Field(min_length=1)
    rooms_per_t60: int = Field(ge=1)
    clips_per_cell: int = Field(ge=0)  # keywords heard in each cell; 0 makes no such set
    gap_s: float = Field(gt=0)  # noise before each keyword


class MakeTestsetsParams(Block):
    """Continuous streams: positives placed in negative sound."""

    seed: int
    stream_s: float = Field(gt=0)  # length of one stored stream
    gap_s: float = Field(gt=0)  # least negative sound between two positives
    synthetic: Literal["when_no_people", "always", "never"]
    dev_clips_per_text: int | None = Field(ge=1)  # of dev's other speech with the same text; null: all
    max_hours: float = Field(gt=0)  # of negative sound in a partition
    noise_share: float = Field(ge=0, lt=1)  # of negative sound that is noise, not speech

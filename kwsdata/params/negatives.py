"""Blocks of embeddings, mining and the leakage gate."""

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from kwsdata.params.base import Block

Rule: TypeAlias = Literal[
    "same_sound",  # the same samples in two partitions, or with two labels
    "similar_sound",  # the same recording in two partitions, whatever was done to it
    "near_duplicate",  # clips of two partitions whose embeddings agree all along: the same take, with something changed
    "shared_speaker",  # a speaker, voice or noise source in two partitions
    "speaker_namesake",  # speakers of the same name in two corpora and partitions: one person, perhaps
    "same_voice",  # speakers in two partitions whose voices are alike: one person, perhaps; needs the extra `voices`
    "shared_room",  # a room in two partitions
    "cross_partition_source",  # a mined window or a test stream made from another partition's sound
    "wrong_samples",  # other sound than the manifest names by its hash: a damaged or exchanged shard
    "wrong_rate",  # not the 16 kHz mono sound that the manifest promises
    "silent",
    "clipped",
    "narrow_band",  # recorded at a lower rate
    "label_suspect",  # a negative that sounds like the keyword, a keyword clip that does not
    "spectrum_shortcut",  # positives and negatives told apart by background and channel alone
    "imbalance",  # hours of labels, clips of speakers
]


class VectorIndexParams(Block):
    """How nearest neighbours are found. Up to `exact_below` vectors all are compared; above, an index is built."""

    exact_below: int = Field(ge=0)
    kind: Literal["ivf_pq", "hnsw"]
    vectors_per_file: int = Field(ge=1000)  # bounds the memory of building: one file of the index at a time
    sample: int = Field(ge=1000)  # vectors that the index is trained on
    lists: int = Field(ge=1)  # ivf_pq: cells
    probes: int = Field(ge=1)  # ivf_pq: cells looked into
    code_bytes: int = Field(ge=1)  # ivf_pq: bytes a vector; divides the embedding's length
    links: int = Field(ge=4)  # hnsw: of each vector
    effort: int = Field(ge=8)  # hnsw: vectors visited while building and searching
    rescore: int = Field(ge=1)  # this many times more neighbours than asked for are compared exactly

    @model_validator(mode="after")
    def _enough_to_train(self) -> Self:
        if self.sample < 39 * self.lists and self.kind == "ivf_pq":
            raise ValueError(f"sample = {self.sample} is too few for lists = {self.lists}: give 39 or more a list")
        return self


class EmbedParams(Block):
    """Windows of sound to vectors.

    embedder: `google_speech`, the path of an .onnx file with a .json beside it, or null: nothing is embedded or mined,
    and the gate does not listen.
    """

    embedder: str | None = Field(min_length=1)
    piece_s: float = Field(gt=0)  # longer recordings are cut
    shard_s: float = Field(gt=0)  # of sound in one shard of vectors
    index: VectorIndexParams


class LikenessParams(Block):
    """How windows are compared with the keyword (`kwsdata.similarity.keyword`)."""

    seed: int
    neighbours: int = Field(ge=1)  # recordings of the keyword (and windows of ordinary sound) that count
    context: int = Field(ge=0)  # embeddings compared on each side of a window's own
    context_step: int = Field(ge=1)  # embeddings between two of them
    queries: int = Field(ge=1)  # typical words whose neighbours the index is asked for


class DiversityParams(Block):
    """At most so many mined windows of one kind."""

    per_speaker: int = Field(ge=1)
    per_clip: int = Field(ge=1)
    per_phrase: int = Field(ge=1)  # of the same transcript
    clusters: int = Field(ge=1)
    per_cluster: int = Field(ge=1)
    synthetic_share: float = Field(ge=0, le=1)  # of the budget, where there are recordings of people too


class PhrasesParams(Block):
    """Of synthetic phrases that sound like the keyword, the worst are in the mined set before anything else is."""

    worst: int = Field(ge=0)  # phrases
    windows: int = Field(ge=0)  # of each, the hardest


class MineNegativesParams(Block):
    """Where negatives are looked for, what is near enough, and how many are kept.

    Similarities are those of `kwsdata.similarity.keyword`; quantiles are of the similarity of the keyword's own
    recordings to each other.
    """

    seed: int
    pools: list[str]  # beside the train partition: corpora, folders, manifests, best below data/pools
    max_reject_fraction: float = Field(ge=0, le=1)  # of a named folder's files that cannot be read
    model: str | None  # directory of an exported model, of an earlier round: its own false alarms are taken too
    candidates: int = Field(ge=1)  # windows looked at closely
    min_similarity: float = Field(ge=-1, le=1)  # absolute margin
    min_margin: float = Field(ge=-2, le=2)  # relative margin: nearer to positives than to ordinary sound by this
    min_score: float = Field(ge=0, le=1)  # of the model
    score_share: float = Field(ge=0, le=1)  # of the model's score in the rank; the rest is similarity
    doubt_quantile: float = Field(ge=0, le=1)  # as near as this, less the margin: a person must look
    doubt_margin: float = Field(ge=0)
    keyword_quantile: float = Field(ge=0, le=1)  # as near as this: taken for the keyword
    transcribe: bool  # ask a recogniser about what may be the keyword; needs the extra `asr`
    apart_s: float = Field(gt=0)  # windows of one recording
    same_similarity: float = Field(ge=-1, le=1)  # above: the same sound again
    phrases: PhrasesParams
    diversity: DiversityParams
    budget: int = Field(ge=0)  # of mined windows; 0: nothing is looked for
    before_s: float = Field(gt=0)  # of sound kept before the middle of the window
    after_s: float = Field(gt=0)
    clips_per_shard: int = Field(ge=1)

    @model_validator(mode="after")
    def _doubt_comes_first(self) -> Self:
        if self.doubt_quantile > self.keyword_quantile:
            raise ValueError(
                f"doubt_quantile = {self.doubt_quantile:g} is above keyword_quantile = {self.keyword_quantile:g}"
            )
        return self


class MiningParams(Block):
    """What training makes of mined negatives."""

    weight: float = Field(ge=0)  # of a mined window in the loss


class CopiesParams(Block):
    """What counts as the same recording again (`kwsdata.similarity.copies`), whatever was done to it.

    `min_alike`, `min_doubt`, `min_predicted`: rows of [seconds, correlation]; between two lengths it is in between.
    """

    candidates: int = Field(ge=1)  # held recordings that are compared closely with each other one
    min_patch: float = Field(ge=0, le=1)  # likeness of 0.6 s from which a recording is a candidate
    min_common_s: float = Field(ge=0.5)  # of sound that two recordings must share
    min_alike: list[tuple[float, float]] = Field(min_length=1)  # of spectra over so many seconds: a copy
    min_alike_synthetic: float = Field(ge=-1, le=1)  # at least, over any time, where a synthesiser made both
    min_doubt: list[tuple[float, float]] = Field(min_length=1)  # of the same: waveforms are compared
    waveforms: int = Field(ge=0)  # that are compared for one recording
    min_predicted: list[tuple[float, float]] = Field(min_length=1)  # of waveforms, one predicted from the other: a copy

    trust: float = Field(ge=0)  # of spectra: at equal speed min_predicted is lower by this a unit above min_doubt

    @model_validator(mode="after")
    def _rows_in_order(self) -> Self:
        for name in ("min_alike", "min_doubt", "min_predicted"):
            rows = getattr(self, name)
            if any(not (seconds > 0 and -1 <= limit <= 1) for seconds, limit in rows):
                raise ValueError(f"{name} = {rows}: each row is [seconds above 0, correlation from -1 to 1]")
            if any(later <= earlier for (earlier, _), (later, _) in pairwise(rows)):
                raise ValueError(f"{name} = {rows}: seconds must grow from row to row")
        return self


class VoicesParams(Block):
    """When the voices of two speakers are taken for one. Used where the extra `voices` is installed."""

    min_alike: float = Field(ge=0, le=1)  # cosine of their vectors
    min_s: float = Field(gt=0)  # of speech without pauses that each must have
    listen_s: float = Field(gt=0)  # of each, at most


class CheckParams(Block):
    """Limits of the leakage and quality gate. A finding of a rule in `fail` ends the pipeline; others are reported."""

    moved: ClassVar[Mapping[str, str]] = {
        "odd_keyword": "min_keyword_similarity",
        "odd_negative": "max_negative_similarity",
    }
    renamed_items: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "fail": {"alike_sound": "near_duplicate", "stray_source": "cross_partition_source"},
    }

    fail: list[Rule]
    silence_dbfs: float = Field(le=0)  # of the loudest 10 ms
    max_clipped_fraction: float = Field(ge=0, le=1)
    min_bandwidth_hz: float = Field(ge=0)
    copies: CopiesParams
    voices: VoicesParams
    same_similarity: float = Field(ge=0, le=1)  # of embeddings all along two clips that are the same sound
    min_keyword_similarity: float  # likeness below which a keyword clip is suspect
    max_negative_similarity: float  # likeness above which a negative is
    max_spectrum_auc: float = Field(ge=0.5, le=1)
    max_hours_ratio: float = Field(ge=1)  # of all negatives to the keyword, in a partition
    max_speaker_share: float = Field(gt=0, le=1)  # of a partition's keyword clips
    min_speakers: int = Field(ge=0)  # of the keyword, in a partition

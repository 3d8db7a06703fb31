"""`params.yaml` and the files in `params`, typed: every number of the project, read once, with unknown keys refused.

The schema has a default for no number: a value lives in one of these files and nowhere else.
"""

from pathlib import Path

from pydantic import Field, ValidationError

from kwsdata.errors import ParamsError
from kwsdata.params.augmentation import AugmentParams, SimulateRirsParams
from kwsdata.params.base import Block, explain
from kwsdata.params.data import (
    ArchiveParams,
    CacheParams,
    DownloadParams,
    ExecutorParams,
    FeaturesParams,
    FeaturizeParams,
    ImportParams,
    IndexParams,
    KeywordParams,
    MakeTestsetsParams,
    NoiseReverbParams,
    PartitionsParams,
    SplitParams,
)
from kwsdata.params.deployment import BundleParams
from kwsdata.params.distillation import DistillParams, TeacherParams, TeachParams
from kwsdata.params.files import check_homes, file_of, merged, read_files
from kwsdata.params.negatives import CheckParams, EmbedParams, LikenessParams, MineNegativesParams, MiningParams
from kwsdata.params.pretraining import PretrainParams
from kwsdata.params.publishing import PublishParams
from kwsdata.params.quantization import CalibrationParams, QuantizeParams
from kwsdata.params.scouting import ScoutParams
from kwsdata.params.synthesis import SynthesizeParams
from kwsdata.params.training import (
    DsTcnParams,
    EvaluateParams,
    LossParams,
    MobileNetV3Params,
    ModelParams,
    ReportParams,
    StreamingParams,
    TrainParams,
    WarmUpParams,
)

__all__ = [
    "ArchiveParams",
    "AugmentParams",
    "Block",
    "BundleParams",
    "CacheParams",
    "CalibrationParams",
    "CheckParams",
    "DistillParams",
    "DownloadParams",
    "DsTcnParams",
    "EmbedParams",
    "EvaluateParams",
    "ExecutorParams",
    "FeaturesParams",
    "FeaturizeParams",
    "ImportParams",
    "IndexParams",
    "KeywordParams",
    "LikenessParams",
    "LossParams",
    "MakeTestsetsParams",
    "MineNegativesParams",
    "MiningParams",
    "MobileNetV3Params",
    "ModelParams",
    "NoiseReverbParams",
    "Params",
    "PartitionsParams",
    "PretrainParams",
    "PublishParams",
    "QuantizeParams",
    "ReportParams",
    "ScoutParams",
    "SimulateRirsParams",
    "SplitParams",
    "StreamingParams",
    "SynthesizeParams",
    "TeachParams",
    "TeacherParams",
    "TrainParams",
    "WarmUpParams",
    "load_params",
]


class Params(Block):
    """All of `params.yaml` and `params`; each field is the block of the stage (or noun) of the same name."""

    keyword: KeywordParams
    executor: ExecutorParams
    cache: CacheParams
    download: DownloadParams
    import_: ImportParams = Field(alias="import")
    partitions: PartitionsParams
    synthesize: SynthesizeParams
    index: IndexParams
    split: SplitParams
    noise_reverb: NoiseReverbParams
    simulate_rirs: SimulateRirsParams
    embed: EmbedParams
    likeness: LikenessParams
    mine_negatives: MineNegativesParams
    mining: MiningParams
    check: CheckParams
    augment: AugmentParams
    features: FeaturesParams
    featurize: FeaturizeParams
    make_testsets: MakeTestsetsParams
    teacher: TeacherParams
    teach: TeachParams
    model: ModelParams
    pretrain: PretrainParams
    scout: ScoutParams
    loss: LossParams
    distill: DistillParams
    train: TrainParams
    quantize: QuantizeParams
    streaming: StreamingParams
    warm_up: WarmUpParams
    evaluate: EvaluateParams
    report: ReportParams
    bundle: BundleParams
    publish: PublishParams


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check a params file, with those that lie in the folder `params` beside it.

    Raises:
        ParamsError: a file is missing, not UTF-8 or not YAML; a key is unknown (the nearest valid name is given),
            missing, in another file than its own, or has a value out of range.
    """
    parts = read_files(path, Params)
    try:
        params = Params.model_validate(merged(parts))
    except ValidationError as error:
        raise ParamsError(explain(path, error, Params, lambda where: file_of(path, parts, where))) from None
    check_homes(path, parts)
    return params

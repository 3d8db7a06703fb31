"""One line on what a stage of kwstrain made, from the summary that it returns: {stage: function}."""

from collections.abc import Callable, Mapping
from typing import Any

Summary = Mapping[str, Any]


def _rates(row: Summary) -> str:
    return f"{row['fnr']:.1%} missed at {row['fah']:.2f} false alarms an hour"


def _train_teacher(made: Summary) -> str:
    if made["teacher"] is None:
        return "nothing, as teacher.name is null"
    return f"the teacher {made['teacher']}, in data/models/teacher"


def _teach(made: Summary) -> str:
    if made["teacher"] is None:
        return "nothing, as there is no teacher"
    return f"{made['answers']:,} answers to {made['clips']:,} clips, in data/teach"


def _pretrain(made: Summary) -> str:
    trunk = made.get("trunk")
    return "nothing, as pretrain.trunk is null" if trunk is None else f"the trunk ({trunk}), in data/models/trunk"


def _scout(made: Summary) -> str:
    if made["alarms"] is None:
        return "nothing, as scout.alarms_per_clip is 0"
    return f"{made['alarms']:,} false alarms on train, in data/scout"


def _train(made: Summary) -> str:
    return f"the student {made['model']['name']}, on dev {_rates(made['dev'])}, in data/models/student"


def _quantize(made: Summary) -> str:
    kept = made["kept"]
    rates = _rates(made["dev"][kept])
    return f"the student in 8 bits ({kept.replace('_', '-')}), on dev {rates}, in data/models/quantized"


def _export(made: Summary) -> str:
    return f"{made['n_params']:,} parameters as ONNX and TFLite, float and int8, in data/models/export"


def _quantization_report(made: Summary) -> str:
    drops = [drop for files in made["drop"].values() for drop in files.values()]
    return f"int8 loses at most {max([0.0, *drops]):.1%} of the accuracy: {made['page']}"


def _evaluate(made: Summary) -> str:
    return f"on test {_sets(made)}, in data/evaluate"


def _report(made: Summary) -> str:
    return f"{made['page']} and {made['metrics']}: on test {_sets(made)}"


def _bundle(made: Summary) -> str:
    return f"{len(made['models'])} models of {made['keyword']!r}, in data/bundle"


def _ablate(made: Summary) -> str:
    return f"arm {made['arm']} with seed {made['seed']}: on test {_sets(made)}"


def _sets(made: Summary) -> str:
    return "; ".join(f"{name}: {_rates(row)}" for name, row in made["test"].items())


MADE: dict[str, Callable[[Summary], str]] = {
    "train_teacher": _train_teacher,
    "teach": _teach,
    "pretrain": _pretrain,
    "scout": _scout,
    "train": _train,
    "quantize": _quantize,
    "export": _export,
    "quantization_report": _quantization_report,
    "evaluate": _evaluate,
    "report": _report,
    "bundle": _bundle,
    "ablate": _ablate,
}

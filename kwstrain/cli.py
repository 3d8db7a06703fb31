"""The command line `kwstrain`: train, export, evaluate, report, bundle; and `detect`, which needs no training stack."""

from json import dumps as to_json
from pathlib import Path
from typing import Annotated

import typer

from kwsdata.params import load_params
from kwsdata.tools.command import DEFAULT_PARAMS, ParamsOption, SummaryAsJson, command, new_app, run_stage
from kwstrain.experiments import commands
from kwstrain.made import MADE

# What `detect` and `field-test` run, and how they hear it.
ModelDirOption = Annotated[Path, typer.Option(help="The exported model, or a bundle.")]
OperatingPointOption = Annotated[Path, typer.Option(help="Threshold and vote, as `evaluate` chose them.")]
BundleOption = Annotated[
    Path | None, typer.Option(help="A bundle, instead of the exported model and the operating point.")
]
ModelOption = Annotated[str | None, typer.Option(help="Which model file of the bundle or directory to run.")]
RawOption = Annotated[
    int | None, typer.Option(help="Raw 16-bit little-endian samples of one channel, at this rate in Hz.")
]
ChannelOption = Annotated[int | None, typer.Option(help="Hear this channel alone (from 1), not the mean of all.")]
GainOption = Annotated[float, typer.Option(help="Make the sound this much louder first, in dB.")]
EXPORTED = Path("data/models/export")
OPERATING_POINT = Path("data/evaluate/operating_point.json")

app = new_app("The compact training stage for wake words: train, export, evaluate, detect.")


@command(app, "train-teacher", "kwstrain train-teacher")
def train_teacher(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Train the teacher that `teacher.name` names, or take a user's own; nothing for `null`."""
    from kwstrain.stages.train_teacher.stage import run

    run_stage(run, params, MADE["train_teacher"], json)


@command(app, "teach", "kwstrain teach")
def teach(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Write the teacher's answers to every augmented clip, for the student to learn from."""
    from kwstrain.stages.teach.stage import run

    run_stage(run, params, MADE["teach"], json)


@command(app, "pretrain", "kwstrain pretrain\ndvc exp run -S pretrain.trunk=own")
def pretrain(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Give the student a trunk that knows speech: the one that ships, or one trained here on the augmented clips."""
    from kwstrain.stages.pretrain.stage import run

    run_stage(run, params, MADE["pretrain"], json)


@command(app, "scout", "kwstrain scout\ndvc exp run -S scout.alarms_per_clip=0")
def scout(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Train a student first, for its false alarms on train: the one that ships hears them more often."""
    from kwstrain.stages.scout.stage import run

    run_stage(run, params, MADE["scout"], json, trunk=Path("data/models/trunk"))


@command(app, "train", "kwstrain train\nkwstrain train --no-resume")
def train(
    params: ParamsOption = DEFAULT_PARAMS,
    json: SummaryAsJson = False,
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint of an interrupted run.")] = True,
) -> None:
    """Train the student; an interrupted run goes on from its last checkpoint to the same weights."""
    from kwstrain.stages.train.stage import run

    run_stage(run, params, MADE["train"], json, resume=resume, **_heard(params), trunk=Path("data/models/trunk"))


@command(app, "quantize", "kwstrain quantize")
def quantize(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Calibrate the trained student and fine-tune it with fake quantization, so that it computes in 8-bit integers."""
    from kwstrain.stages.quantize.stage import run

    run_stage(run, params, MADE["quantize"], json, **_heard(params))


@command(app, "export", "kwstrain export")
def export(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Write the trained student as ONNX and TFLite, float and int8, checked frame by frame against PyTorch."""
    from kwstrain.stages.export.stage import run

    run_stage(run, params, MADE["export"], json, quantized=Path("data/models/quantized"))


@command(app, "evaluate", "kwstrain evaluate")
def evaluate(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Stream every test set through the exported model: FNR at no more than the allowed false alarms an hour."""
    from kwstrain.stages.evaluate.stage import run

    run_stage(run, params, MADE["evaluate"], json)


@command(app, "quantization-report", "kwstrain quantization-report")
def quantization_report(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Compare float and int8 on the same streams; refuse an int8 network that loses too much."""
    from kwstrain.stages.quantization_report.stage import run

    run_stage(run, params, MADE["quantization_report"], json)


@command(app, "report", "kwstrain report")
def report(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Write data/report/index.html (figures, examples one can play) and data/report/metrics.json."""
    from kwstrain.stages.report.stage import run

    run_stage(run, params, MADE["report"], json)


@command(app, "bundle", "kwstrain bundle")
def bundle(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Gather models, decoders, front end, dataset lock, licences, metrics and a model card in data/bundle."""
    from kwstrain.stages.bundle.stage import run

    run_stage(run, params, MADE["bundle"], json)


commands.register(app)


@command(
    app,
    "detect",
    "kwstrain detect kitchen.wav\nkwstrain detect *.flac --json\n"
    "kwstrain detect kitchen.wav --bundle data/bundle --model model.int8.tflite\n"
    "kwstrain detect kitchen.wav --esphome data/bundle/esphome\n"
    "kwstrain detect - --raw 16000\n"
    "kwstrain detect --list-devices\nkwstrain detect --mic --device 2",
)
def detect(
    files: Annotated[
        list[str] | None, typer.Argument(help="Sound of any format, rate, length; named pipes; `-` is standard input.")
    ] = None,
    model_dir: ModelDirOption = EXPORTED,
    operating_point: OperatingPointOption = OPERATING_POINT,
    bundle: BundleOption = None,
    model: ModelOption = None,
    esphome: Annotated[
        Path | None,
        typer.Option(help="Run the file for ESPHome in this folder, in `pymicro-wakeword`, by its manifest's rule."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Instead of the operating point's: above 0, at most 1.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write time_s and score, one number a frame, of the one file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    raw: RawOption = None,
    channel: ChannelOption = None,
    mic: Annotated[bool, typer.Option("--mic", help="Listen to a microphone until Ctrl-C.")] = False,
    device: Annotated[
        str | None, typer.Option(help="Number or name of the microphone; else the system's default.")
    ] = None,
    gain_db: GainOption = 0.0,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="List the microphones, and end.")] = False,
) -> None:
    """Run a model over sound files, a pipe or the microphone; one line an event: file, time in s, score.

    A file that cannot be read is told on stderr; the others are heard, and the exit code is 1.
    """
    if list_devices:
        from kwsdata.runtime.detect.microphone import microphones

        typer.echo("\n".join(microphones()) or "no microphone: connect one.")
        return
    from kwsdata.runtime.detect.command import detect as run

    run(
        files or [],
        model_dir,
        operating_point,
        bundle=bundle,
        model=model,
        threshold=threshold,
        trace=trace,
        as_json=as_json,
        raw_rate=raw,
        channel=channel,
        mic=mic,
        device=device,
        esphome=esphome,
        gain_db=gain_db,
    )


@command(
    app,
    "field-test",
    "kwstrain field-test kitchen/ --bundle data/bundle\n"
    "kwstrain field-test kitchen/ --keywords said/ --max-fah 0.5 --out data/field-test\n"
    "kwstrain field-test day.flac --bundle data/bundle --model model.int8.tflite",
)
def field_test(
    sounds: Annotated[
        list[Path], typer.Argument(help="Sound files, or folders with such, in which nobody says the keyword.")
    ],
    keywords: Annotated[
        list[Path] | None, typer.Option(help="A file, or a folder of files, in each of which the keyword is said.")
    ] = None,
    model_dir: ModelDirOption = EXPORTED,
    operating_point: OperatingPointOption = OPERATING_POINT,
    bundle: BundleOption = None,
    model: ModelOption = None,
    max_fah: Annotated[float, typer.Option(help="False alarms an hour that the threshold may leave.")] = 1.0,
    confidence: Annotated[float, typer.Option(help="How sure it must be of that: above 0.5, below 1.")] = 0.9,
    raw: RawOption = None,
    channel: ChannelOption = None,
    gain_db: GainOption = 0.0,
    max_reject_fraction: Annotated[float, typer.Option(help="Of the files, that may be unreadable.")] = 0.05,
    workers: Annotated[int, typer.Option(help="Processes that listen; 0: one a core.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Gets numbers, false alarms, misses, operating point.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Measure a detector on recordings of your own, and choose its threshold there: false alarms an hour, misses.

    Three hours without the keyword, from where the device will stand, say more of it than any test set of others.
    """
    from kwstrain.field_test.command import field_test as run

    result = run(
        sounds,
        keywords or [],
        model_dir=model_dir,
        operating_point=operating_point,
        bundle=bundle,
        model=model,
        max_fah=max_fah,
        confidence=confidence,
        raw_rate=raw,
        channel=channel,
        gain_db=gain_db,
        max_reject_fraction=max_reject_fraction,
        workers=workers,
        out=out,
        write=(lambda line: None) if as_json else typer.echo,
    )
    if as_json:
        typer.echo(to_json(result, indent=2))


def main() -> None:
    """Entry point of the `kwstrain` command."""
    app()


def _heard(params: Path) -> dict[str, Path | None]:
    """Return where the answers and the false alarms lie that the student hears."""
    from kwstrain.training.job import alarms_of

    return {"taught": Path("data/teach"), "alarms": alarms_of(load_params(params), Path("data/scout"))}

"""The command line `kwsdata`: one command for each stage of the data pipeline, and the importers.

Commands read, call, write and print. Each imports its stage when called, so that `kwsdata --help` loads nothing heavy.
"""

from pathlib import Path
from typing import Annotated

import typer

from kwsdata.importers import KINDS
from kwsdata.params import load_params
from kwsdata.tools.command import (
    DEFAULT_PARAMS,
    ParamsOption,
    SummaryAsJson,
    command,
    new_app,
    run_stage,
    safe_name,
    show,
)
from kwsdata.tools.commands import register as register_work
from kwsdata.tools.dataset.commands import register
from kwsdata.tools.made import MADE
from kwsdata.tools.project.commands import register as register_project
from kwsdata.tools.publish.commands import register as register_publish

app = new_app(
    "Versioned, augmented, hard-negative-mined datasets for wake words. `dvc repro` runs every stage in order."
)


@command(app, "synthesize", "kwsdata synthesize")
def synthesize(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Speak the keyword, words like it and general sentences in many voices, offline."""
    from kwsdata.stages.synthesize.stage import run

    run_stage(run, params, MADE["synthesize"], json)


@command(app, "index", "kwsdata index")
def index(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Gather every clip of every corpus in one manifest, labelled for the keyword."""
    from kwsdata.stages.index.stage import run

    run_stage(run, params, MADE["index"], json)


@command(app, "split", "kwsdata split")
def split(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Put each speaker, voice and noise source in one of train, dev, test."""
    from kwsdata.stages.split.stage import run

    run_stage(run, params, MADE["split"], json)


@command(app, "simulate-rirs", "kwsdata simulate-rirs")
def simulate_rirs(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Make a bank of room impulse responses; each room belongs to one partition."""
    from kwsdata.stages.simulate_rirs.stage import run

    run_stage(run, params, MADE["simulate_rirs"], json)


@command(app, "augment", "kwsdata augment")
def augment(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Make augmented copies of every train clip (rooms, noise, speed, level), each with its recipe."""
    from kwsdata.stages.augment.stage import run

    run_stage(run, params, MADE["augment"], json)


@command(app, "make-testsets", "kwsdata make-testsets")
def make_testsets(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Freeze the continuous streams of dev and test, with the time of every keyword."""
    from kwsdata.stages.make_testsets.stage import run

    run_stage(run, params, MADE["make_testsets"], json)


@command(app, "featurize", "kwsdata featurize")
def featurize(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Turn augmented clips and dev streams into feature frames that training maps into memory."""
    from kwsdata.stages.featurize.stage import run

    run_stage(run, params, MADE["featurize"], json)


@command(app, "embed-augmented", "kwsdata embed-augmented")
def embed_augmented(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Embed augmented clips and dev streams for the teacher `speech_embedding`; an interrupted run goes on."""
    from kwsdata.stages.embed_augmented.stage import run

    run_stage(run, params, MADE["embed_augmented"], json)


@command(
    app,
    "import",
    "kwsdata import folder ~/wake/computer --name crowd --role keyword --label computer --partition test\n"
    "kwsdata import folder ~/mine --name mine --role keyword --label computer --find-word --partition train\n"
    "kwsdata import folder ~/noise --name street --role noise --speaker-pattern '^(?P<speaker>[^/]+)/'\n"
    "kwsdata import librispeech ~/LibriSpeech\n"
    "kwsdata import hf ~/parquet --name ours --role keyword --column text=phrase --column audio=clip\n"
    "kwsdata import speech-commands ~/speech_commands_v0.01.tar.gz --words marvin,sheila --role speech",
)
def import_(
    kind: Annotated[
        str, typer.Argument(help="One of: " + "; ".join(f"[bold]{k}[/bold] ({v})" for k, v in KINDS.items()))
    ],
    path: Annotated[
        str,
        typer.Argument(
            help="Directory, manifest or archive, as the kind expects, or its URL (s3://...); for hf also a name."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the corpus; by default the kind's or the folder's.")] = None,
    role: Annotated[
        str | None, typer.Option(help="keyword | speech | noise | rir; needed by folder, lhotse, hf.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="train | dev | test: the whole corpus goes there (written to params.yaml).")
    ] = None,
    label: Annotated[str | None, typer.Option(help="One text for every file.")] = None,
    labels: Annotated[Path | None, typer.Option(help="CSV with columns path,text[,speaker,language,gender].")] = None,
    speaker_pattern: Annotated[
        str | None, typer.Option(help="Regular expression with a group `speaker`, searched in the path below PATH.")
    ] = None,
    speaker_namespace: Annotated[
        str | None,
        typer.Option(
            help="Speakers of one name are one person in all corpora with this namespace (librispeech, common-voice, "
            "...), and go to one partition; by default the kind's."
        ),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Of all clips, such as en or de.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="WHAT=NAME: the column NAME holds WHAT (audio, text, speaker, language, gender; path in tables). For "
            "hf, common-voice and the CSV of --labels; may be repeated."
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of all clips; clips that name one of their own keep it where it is as strict.")
    ] = None,
    licence_override: Annotated[
        str | None,
        typer.Option(help="Why --licence may replace a stricter licence of clips or kind; printed on the card."),
    ] = None,
    citation: Annotated[str | None, typer.Option(help="Instead of what the kind declares.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it came from, in words.")] = None,
    match: Annotated[
        str | None, typer.Option(help="Import only paths in which this regular expression is found.")
    ] = None,
    words: Annotated[str | None, typer.Option(help="Import only these texts, separated by commas.")] = None,
    limit: Annotated[int | None, typer.Option(help="Import at most so many, a fixed even sample.")] = None,
    find_word: Annotated[
        bool,
        typer.Option("--find-word", help="Keywords said once a file, silence around them: find where, by the level."),
    ] = False,
    allow_outside: Annotated[
        bool,
        typer.Option(
            "--allow-outside",
            help="Tables and manifests may name files outside PATH. Without it they may not: one that a stranger wrote "
            "could bring your private recordings into a dataset that you publish.",
        ),
    ] = False,
    allow_urls: Annotated[
        bool,
        typer.Option(
            "--allow-urls",
            help="A Lhotse manifest may name URLs, which are copied here. Without it they are not asked for: they may "
            "be addresses that only this machine reaches.",
        ),
    ] = False,
    allow_commands: Annotated[
        bool,
        typer.Option(
            "--allow-commands",
            help="A Lhotse manifest may name commands, which a shell runs here as you. Give it only for a manifest "
            "that you wrote.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a corpus of this name from elsewhere.")] = False,
    params: ParamsOption = DEFAULT_PARAMS,
) -> None:
    """Import recordings: decoded, checked, resampled once to 16 kHz mono, tracked by DVC under data/corpora."""
    from kwsdata.execution.dvc import track
    from kwsdata.importers.partition import partition_advice, record_partition
    from kwsdata.importers.run import run_import
    from kwsdata.importers.tables import columns_of
    from kwsdata.tools.project.words import params_of_words

    settings = load_params(params)
    corpus = name or safe_name(Path(path).resolve().name if kind == "folder" else kind)
    summary = run_import(
        kind,
        path,
        name=corpus,
        params=settings.import_,
        executor=settings.executor,
        download=settings.download,
        role=role,  # type: ignore[arg-type] # run_import refuses a role that is none
        label=label,
        labels=labels,
        speaker_pattern=speaker_pattern,
        speaker_namespace=speaker_namespace,
        language=language,
        columns=columns_of(column or []),
        allow_outside=allow_outside,
        allow_urls=allow_urls,
        allow_commands=allow_commands,
        licence=licence,
        licence_override=licence_override,
        citation=citation,
        source=source,
        match=match,
        words=words.split(",") if words else None,
        limit=limit,
        find_word=find_word,
        force=force,
    )
    if partition is not None:
        for file in params_of_words(params.parent) if params == DEFAULT_PARAMS else [params]:
            record_partition(file, corpus, partition)
    elif advice := partition_advice(summary, settings.split.whole):
        typer.secho(advice, fg="yellow", err=True)
    track(Path("data/corpora") / corpus)
    show(summary)


@command(app, "embed", "kwsdata embed")
def embed(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Turn every clip of the split into vectors, 80 ms apart, and index those of the train partition's negatives."""
    from kwsdata.stages.embed.stage import run

    run_stage(run, params, MADE["embed"], json)


@command(
    app,
    "mine-negatives",
    "kwsdata embed\nkwsdata mine-negatives\n"
    "kwsdata mine-negatives --pool ~/podcasts --pool data/pools/tv --model data/rounds/1 --out podcasts-mined",
)
def mine_negatives(
    pool: Annotated[
        list[str] | None,
        typer.Option(help="Also search this corpus, folder, file or manifest (instead of mine_negatives.pools)."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Directory of an exported model, whose own false alarms are taken too.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the mined cuts go; the pipeline trains on data/mined.")] = Path(
        "data/mined"
    ),
    params: ParamsOption = DEFAULT_PARAMS,
    json: SummaryAsJson = False,
) -> None:
    """Find the sounds, of train and of pools you name, that are nearest to the keyword and do not say it."""
    from kwsdata.stages.mine_negatives.stage import run, with_overrides

    run_stage(
        lambda settings: run(with_overrides(settings, pool or [], model), out=out), params, MADE["mine_negatives"], json
    )


@command(app, "check", "kwsdata check")
def check(params: ParamsOption = DEFAULT_PARAMS, json: SummaryAsJson = False) -> None:
    """Look for leaks between partitions and faults of sound and labels; fails on those that `check.fail` names."""
    from kwsdata.stages.check.stage import run

    run_stage(run, params, MADE["check"], json)


register_project(app)
register(app)
register_work(app)
register_publish(app)


def main() -> None:
    """Entry point of the `kwsdata` command."""
    app()

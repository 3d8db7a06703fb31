"""Make the rows of the report's tables; a stage that has not run leaves its table empty."""

from typing import Any

from kwstrain.pages.words import hours, percent, rate, seconds, whole

Row = list[str]
LABELS = ("keyword", "confusable", "speech", "noise")
INT8_FILES = ("model.onnx", "model.int8.onnx", "model.int8.tflite")


def set_rows(metrics: dict[str, Any]) -> list[Row]:
    """Return one row a set, test before dev: name, misses, interval, false alarms, bound, hours, latency, oracle."""
    rows = []
    for partition in ("test", "dev"):
        for name, numbers in metrics[partition].items():
            oracle = numbers["oracle"] or {}
            rows.append(
                [
                    f"{partition} / {name}",
                    percent(numbers["fnr"]),
                    f"{percent(numbers['fnr_low95'])} to {percent(numbers['fnr_high95'])}",
                    f"{numbers['misses']} / {numbers['n_positive']}",
                    rate(numbers["fah"]),
                    rate(numbers["fah_upper95"]),
                    f"{numbers['false_alarms']} in {hours(numbers['hours_negative'])}",
                    seconds(numbers["latency_median_s"]),
                    percent(oracle.get("fnr")),
                ]
            )
    return rows


def start_rows(metrics: dict[str, Any]) -> list[Row]:
    """Return (what, how many of how many, share, 95 % interval) of alarms, early detections and misses at starts."""
    numbers = metrics["starts"]
    kinds = (
        ("Alarms per start, clips without a keyword", "alarms", "clips", "alarms_per_start"),
        ("Detections before a keyword is half said", "early", "keyword_clips", "early_per_start"),
        ("Keywords missed (FNR)", "misses", "n_positive", "fnr"),
    )
    rows = []
    for title, count, total, share in kinds:
        interval = f"{percent(numbers[f'{share}_low95'])} to {percent(numbers[f'{share}_high95'])}"
        rows.append([title, f"{numbers[count]} / {numbers[total]}", percent(numbers[share]), interval])
    return rows


def condition_tables(metrics: dict[str, Any]) -> dict[str, tuple[Row, list[Row]]]:
    """Return {test set: (head, rows)} of misses by condition, for the sets that have conditions."""
    tables = {}
    for name, numbers in metrics["test"].items():
        conditions = numbers.get("conditions", [])
        if not conditions:
            continue
        keys = [key for key in conditions[0] if key in ("snr_db", "t60_s")]
        titles = {"snr_db": "SNR, dB", "t60_s": "T60, s"}
        head = [titles[key] for key in keys] + ["FNR", "95 % interval", "missed"]
        rows = [[f"{row[key]:g}" for key in keys] + _missed(row) for row in conditions]
        tables[name] = (head, rows)
    return tables


def _missed(row: dict[str, Any]) -> Row:
    interval = f"{percent(row['fnr_low95'])} to {percent(row['fnr_high95'])}"
    return [percent(row["fnr"]), interval, f"{row['misses']} / {row['n_positive']}"]


def level_tables(metrics: dict[str, Any]) -> dict[str, list[Row]]:
    """Return {test set: rows} of misses by level: level, FNR, its interval, missed; for sets of several levels."""
    return {
        name: [[f"{row['low_dbfs']} to {row['high_dbfs']}", *_missed(row)] for row in numbers["levels"]]
        for name, numbers in metrics["test"].items()
        if len(numbers.get("levels", [])) > 1
    }


def heat_maps(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return {test set: map} for the sets measured over a grid of SNR and T60.

    A map has `columns` (T60 in s, rising) and `rows`: (SNR in dB, falling; one cell a column, None where there is
    none). A cell has `fnr` and `interval` in words, and `shade`: the FNR as a number in [0, 1].
    """
    maps = {}
    for name, numbers in metrics["test"].items():
        cells = {
            (row["snr_db"], row["t60_s"]): row
            for row in numbers.get("conditions", [])
            if {"snr_db", "t60_s"} <= set(row)
        }
        if not cells:
            continue
        columns = sorted({t60_s for _, t60_s in cells})
        rows = [
            (f"{snr_db:g}", [_heat_cell(cells.get((snr_db, t60_s))) for t60_s in columns])
            for snr_db in sorted({snr_db for snr_db, _ in cells}, reverse=True)
        ]
        maps[name] = {"columns": [f"{t60_s:g}" for t60_s in columns], "rows": rows}
    return maps


def _heat_cell(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    interval = f"{percent(row['fnr_low95'])} to {percent(row['fnr_high95'])}"
    return {"fnr": percent(row["fnr"]), "interval": interval, "shade": row["fnr"]}


INT8_HEAD = [
    *("Set", "FNR, FP32", "INT8 ONNX", "INT8 TFLite", "95 %, TFLite", "FAH, FP32 / TFLite"),
    "Accuracy, FP32 / TFLite",
]


def int8_rows(quantization: dict[str, Any]) -> list[Row]:
    """Return one row a set, and one over all sets of a partition that has several, test before dev: `INT8_HEAD`."""
    sets = dict(quantization.get("sets", {}))
    for partition, numbers in quantization.get("pooled", {}).items():
        if sum(name.startswith(f"{partition}/") for name in sets) > 1:
            sets[f"{partition}/all"] = numbers
    rows = []
    for name, numbers in sorted(sets.items(), key=lambda item: item[0].startswith("dev/")):
        real, onnx, tflite = (numbers[arithmetic] for arithmetic in ("float32", "onnx", "tflite"))
        interval = f"{percent(tflite['fnr_low95'])} to {percent(tflite['fnr_high95'])}"
        missed = [percent(each["fnr"]) for each in (real, onnx, tflite)]
        alarms = " / ".join(rate(each["fah"]) for each in (real, tflite))
        right = [each["accuracy"] for each in (real, tflite)]
        accuracy = " / ".join("-" if share is None else f"{100 * share:.2f} %" for share in right)
        rows.append([name.replace("/", " / "), *missed, interval, alarms, accuracy])
    return rows


def int8_words(quantization: dict[str, Any]) -> list[str]:
    """Return what 8 bits cost and how well the files agree, in sentences; none where it was not measured."""
    if not quantization:
        return []
    drops = [f"{percent(max(0.0, row['tflite']))} on {name}" for name, row in sorted(quantization["drop"].items())]
    apart, sizes = quantization["apart"], quantization["files"]
    worst = max(apart[name]["greatest"] for name in ("onnx_torch", "tflite_torch"))
    files = [f"{name} {sizes[name]['bytes'] / 1000:.1f} KB" for name in INT8_FILES if name in sizes]
    agree = "agree in every one" if worst == 0 else f"differ by at most {worst} of 256 steps in one"
    return [
        f"From FP32 to INT8, accuracy falls by {' and '.join(drops)}, relative; more than "
        f"{percent(quantization['max_relative_drop'])} would stop the pipeline.",
        f"PyTorch's integers, the ONNX file and the TFLite file {agree} of {whole(apart['tflite_torch']['decisions'])} "
        "decisions.",
        f"Files: {', '.join(files)}.",
    ]


def corpus_rows(index: dict[str, Any]) -> list[Row]:
    """Return one row a corpus: name, what it is, clips by label, licence, origin."""
    rows = []
    for corpus in index.get("corpora", []):
        kind = "synthetic" if corpus.get("synthetic") else "recorded"
        labels = corpus.get("clips_by_label") or {}
        clips = ", ".join(f"{whole(labels[label])} {label}" for label in LABELS if label in labels)
        origin = corpus.get("citation") or corpus.get("source") or "-"
        clips = clips or whole(corpus.get("clips"))
        rows.append([corpus["name"], f"{corpus['role']}, {kind}", clips, corpus.get("licence", "-"), origin])
    return rows


def split_rows(split: dict[str, Any]) -> list[Row]:
    """Return one row a label: clips, hours and speakers in train, dev and test."""
    partitions = split.get("partitions", {})
    labels = [label for label in LABELS if any(label in rows for rows in partitions.values())]
    rows = []
    for label in labels:
        row = [label]
        for partition in ("train", "dev", "test"):
            cell = partitions.get(partition, {}).get(label)
            row.append(
                f"{whole(cell['clips'])} clips, {hours(cell['hours'])}, {whole(cell['speakers'])} speakers"
                if cell
                else "-"
            )
        rows.append(row)
    return rows


def testset_rows(testsets: dict[str, Any]) -> list[Row]:
    """Return one row a test set: name, keywords and their corpora, length, negative corpora, who is heard."""
    rows = []
    for name, described in testsets.get("sets", {}).items():
        rows.append(
            [
                name.replace("/", " / "),
                f"{whole(described.get('n_positive'))} ({', '.join(described.get('positives', {}))})",
                hours(described.get("hours")),
                ", ".join(f"{corpus} {hours(length)}" for corpus, length in described.get("negatives", {}).items()),
                "people" if described.get("people") else "synthetic voices",
                "people" if described.get("negatives_people") else "synthetic voices",
            ]
        )
    return rows


def _threshold(metrics: dict[str, Any]) -> str:
    """Return the threshold, where it was chosen, and how sure that is of the false alarms it leaves."""
    chosen = f"{metrics['threshold']:.4f}, chosen on dev / clean"
    if metrics["fah_bound"] is None:
        return chosen
    return (
        f"{chosen}: {metrics['fah_expected']:.2f} false alarms an hour to expect, no more than "
        f"{metrics['fah_bound']:.2f} with {percent(metrics['fah_confidence'])}"
    )


def _vote(metrics: dict[str, Any]) -> str:
    smooth = f"mean of {metrics['smooth']} scores, " if metrics["smooth"] > 1 else ""
    vote = "{} of {}, then {:g} s silent".format(*metrics["n_of_m"], metrics["lockout_s"])
    return f"{smooth}{vote}; at a start {metrics['warm_up_s']:g} s warm-up"


def model_rows(model: dict[str, Any], train: dict[str, Any], metrics: dict[str, Any]) -> list[Row]:
    """Return (name, value) of what the model is and how it was trained."""
    features = model.get("features", {})
    hop_ms = features.get("hop_ms", 0)
    rows = [
        ["Network", str(model.get("model", "-"))],
        ["Parameters", whole(model.get("n_params"))],
        ["Multiply-adds a second", whole(model.get("macs_per_second"))],
        ["Front end", f"{features.get('frontend', '-')}, {features.get('n_mels', '-')} mels every {hop_ms:g} ms"],
        ["Looks back", f"{model.get('receptive_field_frames', 0) * hop_ms / 1000:.2f} s"],
        ["Decides", f"every {model.get('stride', 0) * hop_ms:g} ms"],
        ["Vote", _vote(metrics)],
        ["Threshold", _threshold(metrics)],
        ["File", f"model.onnx, SHA-256 {str(model.get('sha256', '-'))[:16]}…"],
    ]
    if train:
        loss = train.get("loss", {})
        rows += [
            ["Training", f"{whole(train.get('steps'))} steps, kept step {whole(train.get('best_step'))}"],
            ["Loss", _loss_words(loss)],
        ]
        clips = train.get("train_clips", {})
        if clips:
            rows.append(["Trained on", ", ".join(f"{whole(count)} {label}" for label, count in sorted(clips.items()))])
    return rows


def _loss_words(loss: dict[str, Any]) -> str:
    """Return the name of the loss and the numbers of it that are set: not null, not 0."""
    words = [str(loss.get("name", "-"))]
    for key, value in loss.items():
        unused = key == "name" or not value or (key == "max_class_weight" and not loss.get("class_weights"))
        words += [] if unused else [f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"]
    return ", ".join(words)

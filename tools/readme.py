"""`readme`: the tables of README and docs, written from the files that hold their numbers."""

import csv
import json
import re
import statistics
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..evaluation.metrics import COLUMNS
from ..evaluation.report.tables import PUBLISHED, SetTable, markdown, markdown_lines, markdown_table, number, set_tables
from ..evaluation.scores import MethodScores, paired_difference, read_scores
from ..utils.checkpoint import WEIGHTS, read_weights
from ..utils.files import write_bytes
from ..utils.log import read_history
from ..utils.tool_options import InfoOptions, ReadmeOptions
from . import info

ROOT = Path(__file__).parent.parent


def run(options: ReadmeOptions) -> None:
    """Fills every block between <!-- table NAME --> and <!-- end --> with its table.

    Raises:
        ValueError: an unknown table's name; with --check, tables that differ.
    """
    for path in map(Path, options.paths):
        fill(path, Path(options.results), options.check)


def fill(path: Path, results: Path, check: bool) -> None:
    """Fills one file's blocks, or with check compares them; see run."""
    text = path.read_text(encoding="utf-8")
    tables = {
        "scores": scores_table,
        "cost": lambda _: cost_table(),
        "ablation": file_table("ablation/ablation.md"),
        "trials": file_table("trials/ablation.md"),
        "folds": file_table("folds/ablation.md"),
        "benchmarks": file_table("benchmarks/cpu.md"),
        "faults": file_table("faults/faults.md"),
        "summary": summary_table,
        "speed": speed_sentence,
        "runs": runs_table,
        "paired": paired_table,
        "encoders": encoders_table,
        "one_class": file_table("one_class/one_class.md"),
        "finetune": file_table("finetune/finetune.md"),
        "sharpness": file_table("sharpness/sharpness.md"),
        "bursts": file_table("bursts/bursts.md"),
    }
    tables |= {path.stem: partial(weights_table, path) for path in WEIGHTS.glob("*.safetensors")}

    def block(match: re.Match) -> str:
        name = match[1]
        if name not in tables:
            raise ValueError(f"{path}: unknown table {name!r}; known are {', '.join(tables)}")
        return f"<!-- table {name} -->\n{tables[name](results)}\n<!-- end -->"

    filled = re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)
    if check and filled != text:
        raise ValueError(f"{path}: its tables differ from the files; `python main.py readme` writes them anew")
    if not check:
        write_bytes(path, filled.encode())
        print(f"tables written into {path}")


def tables_of(results: Path) -> list[SetTable]:
    """A table of every set that a score file in the folder's folders holds."""
    scores = [scored for path in sorted(results.glob("*/scores.json")) for scored in read_scores(path)]
    return set_tables(scores, PUBLISHED)


def scores_table(results: Path) -> str:
    """Tables of every set, measured and published lines apart."""
    return "\n\n".join(markdown(table, differences=("mae",)) for table in tables_of(results))


def file_table(name: str):
    return lambda results: (results / name).read_text(encoding="utf-8").strip()


def summary_table(results: Path) -> str:
    """Ours beside the best measured and the two best published methods on CUHK."""
    (table,) = (table for table in tables_of(results) if table.dataset == "CUHK")
    by_mae = sorted((line for line in table.published if "mae" in line.values), key=lambda line: line.values["mae"])
    ours = [line for line in table.measured if (results / line.method).is_dir()]
    others = sorted((line for line in table.measured if line not in ours), key=lambda line: line.values["mae"])
    lines = [replace(line, method=f"{line.method}, published") for line in by_mae[:2]]
    lines += [replace(line, method=f"{line.method}, its saved maps") for line in others[:1]]
    lines += [replace(line, method=f"**{line.method}**") for line in ours]
    return markdown_lines(table, sorted(lines, key=lambda line: line.values["mae"]), ["mae", "p3_f"])


def speed_sentence(results: Path) -> str:
    """What an image takes beside torchvision's networks, and a photograph from file to files."""
    report = json.loads((results / "benchmarks/cpu.json").read_text(encoding="utf-8"))
    if missing := {"inference", "prediction"} - report["sections"].keys():
        raise ValueError(
            f"{results}/benchmarks/cpu.json lacks {' and '.join(sorted(missing))}: `make bench` measures all"
        )
    images, photographs = (
        {row["what"]: f"{row['seconds']:.2g}" for row in report["sections"][name]["rows"]}
        for name in ("inference", "prediction")
    )
    image = ", ".join(f"{what} {seconds}" for what, seconds in images.items() if "compiled" not in what)
    plain, whole = (seconds for what, seconds in photographs.items() if what.startswith("predict, 24 megapixels JPG:"))
    return (
        f"Seconds by {report['machine']['device']}. One image at 384 x 384, from picture to map: {image}. "
        f"`predict` of a JPEG of 24 megapixels, imports apart: {plain} for its map, {whole} with all renderings. "
        "[How it was measured, and the rest](docs/speed.md#speed)."
    )


def runs_table(results: Path) -> str:
    """How the scored networks were trained, as their score files say."""
    rows = [["method", "encoder", "px, trained, tested", "epochs", "epoch kept", "validation MAE", "minutes, hardware"]]
    for path in sorted(results.glob("*/scores.json")):
        for scored in read_scores(path):
            if trained := scored.about.get("trained"):
                config, kept = trained["config"], trained["val_mae"]
                sizes = f"{config['img_size']}, {scored.about['img_size']}"
                seconds = trained.get("seconds") or sum(
                    row["seconds"] for row in read_history(path.with_name("history.csv"))
                )
                time = f"{seconds / 60:.0f}, {trained.get('hardware', 'not recorded')}"
                rows.append(
                    [
                        scored.method,
                        config["arch"],
                        sizes,
                        str(config["epochs"]),
                        str(trained["epoch"]),
                        number(kept) if kept else "none validated",
                        time,
                    ]
                )
    return markdown_table(rows)


def paired_table(results: Path) -> str:
    """Trials beside what they change; paired.json names the file, and in it the method, of each."""
    rows = [["trial", "beside", "pictures", "MAE", "MAE beside", "difference ± standard error"]]
    for trial in json.loads((results / "paired.json").read_text(encoding="utf-8")):
        ours, theirs = (errors_of(results / trial[key][0], trial[key][1]) for key in ("scores", "beside"))
        gain = paired_difference(theirs, ours, "mae")
        if gain is None:
            raise ValueError(f"paired.json, {trial['trial']}: fewer than two pictures in common")
        maes = [number(statistics.mean(row["mae"] for row in scored.rows), 4) for scored in (ours, theirs)]
        rows.append(
            [
                trial["trial"],
                trial["than"],
                f"{trial['set']}, {gain.images}",
                *maes,
                f"{gain.mean:+.4f} ± {gain.error:.4f}",
            ]
        )
    return markdown_table(rows)


def errors_of(path: Path, method: str) -> MethodScores:
    """The MAE of every picture, of one method in a file of lines an image."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["method"] == method]
    rows = [{"name": line["name"], "mae": float(line["mae"])} for line in lines]
    return MethodScores(method, path.stem, {}, rows, np.empty((3, 0)))


def encoders_table(results: Path) -> str:
    """The lowest validation MAE in the histories of encoders/."""
    rows = [["encoder", "epochs", "lowest validation MAE"]]
    for path in sorted((results / "encoders").glob("*.csv")):
        maes = [row["val_mae"] for row in read_history(path)]
        rows.append([path.stem, str(len(maes)), number(min(maes))])
    return markdown_table(rows)


def weights_table(path: Path, results: Path) -> str:
    """What a weights file says of itself."""
    _, about = read_weights(path)
    trainings = [*about.get("before", []), about]
    config, pretrained = about["config"], trainings[0]["config"]["pretrained"]
    extra = config.get("extra", [])
    trained_on = " + ".join(name for name in about["datasets"] if name not in extra)
    if extra:
        trained_on += f"; {config['extra_per_batch']} of {config['batch_size']} pictures of {', '.join(extra)}"
    rows = [
        ["file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, half precision"],
        ["network", f"{config['arch']}, decoder {config['decoder']}; encoder from {pretrained}"],
        ["trained on", trained_on],
        ["pictures", f"{config['img_size']} px in training, {config['test_size']} px to use it"],
    ]
    named = [(f"training {place}", training) for place, training in enumerate(trainings, 1)]
    for name, training in named + [("averaged with", other) for other in about.get("averaged", [])]:
        made = "{epoch} epochs, seed {seed}, learning rate {lr}".format(**training["config"] | training)
        where = f"{training['seconds'] / 60:.0f} minutes on {training['hardware']}, torch {training['torch']}"
        rows.append([name, f"{made}; {where}"])
    for name, totals in about["scores"].items():
        scores = ", ".join(f"{COLUMNS[key].title} {number(totals[key])}" for key in COLUMNS if key in totals)
        rows.append([f"{name}, {totals['images']} test images", scores])
    return markdown_table([["what", "value"], *rows]).replace("---:", "---")


def cost_table() -> str:
    fine = info.table(InfoOptions(arch=["resnet18"], decoder="fine")).splitlines()[-1]  # that of ran_resnet18
    return f"{info.table(InfoOptions())}\n{fine}"

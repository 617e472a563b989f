"""Writes the tables of the documents anew: python -m docs.tables [--check] (in the repository's folder).

A table stands between <!-- table NAME --> and <!-- end -->. NAME is a key of TABLES, a weights file, or a Markdown file
in results/.
"""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import bench
import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.evaluation import comparison, tables
from ran.evaluation.metrics import COLUMNS
from ran.evaluation.scores import read_scores
from ran.tools import info
from ran.tools.options import InfoOptions
from ran.utils.checkpoint import read_weights

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
DOCUMENTS = (ROOT / "README.md", ROOT / "weights/README.md", *sorted(ROOT.glob("docs/*.md")))


def score_tables() -> list[comparison.SetTable]:
    """A table of each test set in results/."""
    found = [scored for path in sorted(RESULTS.glob("*/scores.json")) for scored in read_scores(path)]
    return comparison.set_tables(found)


def scores() -> str:
    """All columns of each test set; measured and published rows apart."""
    return "\n\n".join(tables.markdown(table, paired=("mae",)) for table in score_tables())


def summary() -> str:
    """Our methods on CUHK, beside the best other one that was measured and the best published ones of each protocol."""
    (table,) = (table for table in score_tables() if table.dataset == "CUHK")
    columns = ["mae", "p3_f", "focus_mae", "focus_f"]

    def best_first(lines: list, key: str) -> list:
        return sorted((line for line in lines if key in line.totals), key=lambda line: line.totals[key])

    ours = [line for line in table.measured if (RESULTS / line.method).is_dir()]
    others = best_first([line for line in table.measured if line not in ours], "mae")
    published = best_first(table.published, "mae")[:2] + best_first(table.published, "focus_mae")[:1]
    lines = [*published, *(replace(line, method=f"{line.method}, its saved maps") for line in others[:1])]
    lines += [replace(line, method=f"**{line.method}**") for line in ours]
    ordered = sorted(lines, key=lambda line: line.totals.get("mae", line.totals.get("focus_mae")))
    return tables.markdown_lines(table, ordered, columns)


def weights(path: Path) -> str:
    """The metadata of a weights file."""
    about = read_weights(path)[1]
    trainings, config, extra = [*about.get("before", []), about], about["config"], about["config"].get("extra", [])
    trained_on = " + ".join(name for name in about["datasets"] if name not in extra)
    if extra:
        trained_on += f"; {config['extra_per_batch']} of {config['batch_size']} images of {', '.join(extra)}"
    rows = [
        ["what", "value"],
        ["file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, half precision"],
        ["network", "{arch}, decoder {decoder}; encoder from ".format(**config) + trainings[0]["config"]["pretrained"]],
        ["trained on", trained_on],
        ["image size", "{img_size} px in training, {test_size} px in use".format(**config)],
    ]
    named = [(f"training {place}", training) for place, training in enumerate(trainings, 1)]
    for name, training in named + [("averaged with", other) for other in about.get("averaged", [])]:
        options = "{epoch} epochs, seed {seed}, learning rate {lr}".format(**training["config"] | training)
        where = f"{training['seconds'] / 60:.0f} minutes on {training['hardware']}, torch {training['torch']}"
        rows.append([name, f"{options}; {where}"])
    for name, totals in about["scores"].items():
        values = ", ".join(f"{COLUMNS[key].title} {comparison.number(totals[key])}" for key in COLUMNS if key in totals)
        rows.append([f"{name}, {totals['images']} test images", values])
    return tables.markdown_table(rows).replace("---:", "---")


def cost() -> str:
    fine = info.line("resnet18, fine decoder", "resnet18", decoder="fine")
    return f"{info.table(InfoOptions().arch)}\n{fine}"


def speed() -> str:
    """All measurements of bench.py."""
    report = json.loads((RESULTS / "bench.json").read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"{report['machine']}; {versions}.\n\n{bench.markdown(report['rows'])}"


def speed_summary() -> str:
    """The seconds of an image beside torchvision's networks, and of a large image by predict."""
    report = json.loads((RESULTS / "bench.json").read_text(encoding="utf-8"))
    seconds = {row["what"]: f"{row['seconds']:.2g}" for row in report["rows"]}
    images = ", ".join(f"{what.split(': ')[1]} {s}" for what, s in seconds.items() if what.startswith("one image"))
    plain, whole = (s for what, s in seconds.items() if what.startswith("predict, 24 megapixels"))
    predict = f"`predict` of a 24-megapixel JPEG, whole process: {plain} for the map, {whole} with all renderings"
    return f"Seconds on {report['machine']}. One image of 384 x 384: {images}. {predict}. [More](docs/speed.md)."


TABLES = {"scores": scores, "summary": summary, "cost": cost, "bench": speed, "speed": speed_summary}


def table(name: str) -> str:
    if name in TABLES:
        return TABLES[name]()
    return weights(ROOT / "weights" / name) if name.endswith(".safetensors") else (RESULTS / name).read_text().strip()


def run(documents: tuple[Path, ...], check: bool) -> int:
    """Names the tables that differ and, unless `check`, writes them anew; returns an exit status."""
    status = 0
    for path in documents:
        text = path.read_text(encoding="utf-8")
        for block, name in re.findall(r"(<!-- table (\S+) -->\n.*?<!-- end -->)", text, re.DOTALL):
            new = f"<!-- table {name} -->\n{table(name)}\n<!-- end -->"
            if new != block:
                print(f"{path}: table {name} {'differs' if check else 'written'}")
                status, text = int(check), text.replace(block, new)
        if not check:
            path.write_text(text, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(run(DOCUMENTS, check=sys.argv[1:] == ["--check"]))

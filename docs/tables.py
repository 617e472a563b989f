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
BENCH = RESULTS / "bench.json"
SHOWN = ["mae", "p3_f", "focus_mae", "focus_f"]  # columns of the short tables
DOCUMENTS = (ROOT / "README.md", ROOT / "weights/README.md", *sorted(ROOT.glob("docs/*.md")))


def score_tables() -> list[comparison.SetTable]:
    """A table of each test set in results/."""
    return comparison.set_tables([one for path in sorted(RESULTS.glob("*/scores.json")) for one in read_scores(path)])


def scores() -> str:
    """All columns of each test set, and the paired differences of our models."""
    parts = []
    for table in score_tables():
        ours = [line for line in table.measured if (RESULTS / line.method).is_dir()]
        rows = [one.cells for one in comparison.SetTable(ours, []).differences(["mae"])]
        parts += [tables.markdown(table, paired=()), tables.markdown_table([tables.DIFFERENCE, *rows])]
    return "\n\n".join(parts)


def summary() -> str:
    """Our methods on CUHK, beside the best other one that was measured and the best published ones of each protocol."""
    (table,) = (table for table in score_tables() if table.dataset == "CUHK")

    def best(lines: list, key: str, count: int, mark: str) -> list:
        ranked = sorted((line for line in lines if key in line.totals), key=lambda line: line.totals[key])
        return [replace(line, method=mark.format(line.method)) for line in ranked[:count]]

    ours = [line for line in table.measured if (RESULTS / line.method).is_dir()]
    others = [line for line in table.measured if line not in ours]
    lines = best(table.published, "mae", 2, "{}") + best(table.published, "focus_mae", 1, "{}")
    lines += best(others, "mae", 1, "{}, its saved maps") + best(ours, "mae", len(ours), "**{}**")
    lines.sort(key=lambda line: line.totals.get("mae", line.totals.get("focus_mae")))
    return tables.markdown_lines(table, lines, SHOWN)


def weights(name: str) -> str:
    """The metadata of a shipped weights file, and its scores in results/."""
    path = ROOT / "weights" / name
    about = read_weights(path)[1]
    config, trainings = about["config"], [*about["before"], about]
    encoder = trainings[0]["config"]["pretrained"]
    rows = [
        ["what", "value"],
        ["file", f"{path.name}, {path.stat().st_size / 1e6:.1f} MB, half precision"],
        ["network", f"{config['arch']}, decoder {config['decoder']}; encoder from {encoder}"],
        ["trained on", ", ".join(about["datasets"])],
        ["image size", f"{config['img_size']} px in training, {config['test_size']} px in use"],
    ]
    line = "{epoch} epochs, seed {seed}, learning rate {lr}; {minutes:.0f} minutes on {hardware}, torch {torch}"
    named = [(f"training {place}", training) for place, training in enumerate(trainings, 1)]
    for title, one in named + [("averaged with", other) for other in about.get("averaged", [])]:
        rows.append([title, line.format(**one["config"] | one, minutes=one["seconds"] / 60)])
    for scored in read_scores(RESULTS / path.stem):
        values = ", ".join(f"{COLUMNS[key].title} {comparison.number(scored.totals[key])}" for key in SHOWN)
        rows.append([f"{scored.dataset}, {scored.images} test images", values])
    return tables.markdown_table(rows).replace("---:", "---")


def cost() -> str:
    networks = {arch: {"arch": arch} for arch in InfoOptions().arch}
    return info.table(networks | {"resnet18, fine decoder": {"arch": "resnet18", "decoder": "fine"}})


def speed() -> str:
    """All measurements of bench.py."""
    report = json.loads(BENCH.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"{report['machine']}; {versions}.\n\n{bench.markdown(report['rows'])}"


def speed_summary() -> str:
    """The seconds of an image beside torchvision's networks, and of a large image by predict."""
    report = json.loads(BENCH.read_text(encoding="utf-8"))
    seconds = {row["what"]: f"{row['seconds']:.2g}" for row in report["rows"]}
    images = ", ".join(f"{what.split(': ')[1]} {s}" for what, s in seconds.items() if what.startswith("one image"))
    plain, whole = (s for what, s in seconds.items() if what.startswith("predict, 24 megapixels"))
    predict = f"`predict` of a 24-megapixel JPEG, whole process: {plain} for the map, {whole} with all renderings"
    return f"Seconds on {report['machine']}. One image of 384 x 384: {images}. {predict}. [More](docs/speed.md)."


TABLES = {"scores": scores, "summary": summary, "cost": cost, "bench": speed, "speed": speed_summary}


def table(name: str) -> str:
    if name in TABLES:
        return TABLES[name]()
    return weights(name) if name.endswith(".safetensors") else (RESULTS / name).read_text(encoding="utf-8").strip()


def run(documents: tuple[Path, ...], check: bool) -> int:
    """Names the tables that differ and, unless `check`, writes them anew; returns an exit status."""
    differences = 0
    for path in documents:
        text = path.read_text(encoding="utf-8")
        for block, name in re.findall(r"(<!-- table (\S+) -->\n.*?<!-- end -->)", text, re.DOTALL):
            new = f"<!-- table {name} -->\n{table(name)}\n<!-- end -->"
            if new != block:
                print(f"{path}: table {name} {'differs' if check else 'written'}")
                differences, text = differences + 1, text.replace(block, new)
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and differences > 0)


if __name__ == "__main__":
    sys.exit(run(DOCUMENTS, check=sys.argv[1:] == ["--check"]))

"""`readme`: the README's tables, written from the files that hold their numbers."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from utils.config import option
from utils.files import write_bytes

DESCRIPTION = "Write the README's tables anew from results/*.json and from the networks; --check only compares."
ROOT = Path(__file__).parent.parent


@dataclass
class Options:
    """Options of readme."""

    path: str = option(str(ROOT / "README.md"), "the file whose tables are written")
    results: str = option(str(ROOT / "results"), "folder of score files, as test writes them")
    check: bool = option(False, "write nothing; fail when a table differs")


def run(options: Options) -> None:
    """Fills every block between <!-- table NAME --> and <!-- end --> with its table.

    Raises:
        ValueError: an unknown table's name; with --check, tables that differ.
    """
    path = Path(options.path)
    text = path.read_text(encoding="utf-8")
    tables = {"scores": scores_table, "cost": lambda _: cost_table()}

    def fill(match: re.Match) -> str:
        name = match[1]
        if name not in tables:
            raise ValueError(f"{path}: unknown table {name!r}; known are {', '.join(tables)}")
        return f"<!-- table {name} -->\n{tables[name](Path(options.results))}\n<!-- end -->"

    filled = re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)
    if options.check and filled != text:
        raise ValueError(f"{path}: its tables differ from the files; `python main.py readme` writes them anew")
    if not options.check:
        write_bytes(path, filled.encode())
        print(f"tables written into {path}")


def scores_table(results: Path) -> str:
    """One line for each set that a score file in the folder holds, with its recipe in short."""
    from utils.metrics import COLUMNS

    lines = [["run", "trained on", "epoch", "size", "set", "images", *COLUMNS.values()]]
    lines.append(["---"] * len(lines[0]))
    for path in sorted(results.glob("*.json")):
        report = json.loads(path.read_text())
        if not {"trained", "sets"} <= report.keys():
            raise ValueError(f"{path}: not a score file that test wrote")
        trained = report["trained"]
        for name, totals in report["sets"].items():
            start = [path.stem, " + ".join(trained["datasets"]), str(trained["epoch"]), str(report["img_size"]), name]
            lines.append([*start, str(totals["images"]), *(f"{totals[key]:.4f}" for key in COLUMNS)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cost_table() -> str:
    from tools import info

    return info.table(info.Options())

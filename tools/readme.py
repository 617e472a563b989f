"""`readme`: the README's tables, written from the files that hold their numbers."""

import re
from dataclasses import dataclass
from pathlib import Path

from utils.config import option
from utils.files import write_bytes

DESCRIPTION = "Write the README's tables anew from results/*/scores.json and from the networks; --check only compares."
ROOT = Path(__file__).parent.parent


@dataclass
class Options:
    """Options of readme."""

    path: str = option(str(ROOT / "README.md"), "the file whose tables are written")
    results: str = option(str(ROOT / "results"), "folder of what was measured: RUN/scores.json, ablation/, benchmarks/")
    check: bool = option(False, "write nothing; fail when a table differs")


def run(options: Options) -> None:
    """Fills every block between <!-- table NAME --> and <!-- end --> with its table.

    Raises:
        ValueError: an unknown table's name; with --check, tables that differ.
    """
    path = Path(options.path)
    text = path.read_text(encoding="utf-8")
    tables = {
        "scores": scores_table,
        "cost": lambda _: cost_table(),
        "ablation": lambda results: (results / "ablation/ablation.md").read_text(encoding="utf-8").strip(),
        "benchmarks": lambda results: (results / "benchmarks/cpu.md").read_text(encoding="utf-8").strip(),
    }

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
    """Tables of every set that a score file in the folder's folders holds, measured and published lines apart."""
    from utils.report.tables import PUBLISHED, markdown, set_tables
    from utils.scores import read_scores

    scores = [one for path in sorted(results.glob("*/scores.json")) for one in read_scores(path)]
    return "\n\n".join(markdown(table, differences=("mae",)) for table in set_tables(scores, PUBLISHED))


def cost_table() -> str:
    from tools import info

    return info.table(info.Options())

"""All kinds of bad and odd files, and the page that says what every command does with each.

`python -m tests.faults.corpus` writes docs/errors.md; tests/faults/test_bad_files.py tries every cell of it.
"""

import re
from pathlib import Path

import main  # noqa: F401 (makes the folder above known as the package ran)
from tests.faults.depths import PHOTOGRAPHS
from tests.faults.folders import FOLDERS, PAIRED
from tests.faults.kinds import CONTOURS, MAPS, MASK_SETS, MASKS
from tests.faults.weights import ENCODER, MODEL, WEIGHTS

PAGE = Path(__file__).parents[2] / "docs/errors.md"
COMMANDS = ("prepare", "train", "test", "evaluate")
CONCERNS = ((PHOTOGRAPHS, PAIRED), (MASKS, (*PAIRED, "evaluate")), (MAPS, ("evaluate",)))
ABOUT = """\
# What becomes of bad and odd files

A command that cannot use a file stops with exit status 1 and a sentence that names the file and the reason; there is
no stack trace. Nothing half-written is left: every file is whole or absent. Nothing is skipped in silence either, but
for names that are none of a picture in the folders of a data set (hidden, or another suffix). A command whose output
nobody reads on, as in `| head -1`, ends without a word and with exit status 141, as other programs do.

    $ python main.py test --data_path dataset
    error: dataset/CUHK/Test/images/bad.jpg: not a readable picture (image file is truncated (69 bytes not processed))

Every cell is a test in [tests/faults/test_bad_files.py](../tests/faults/test_bad_files.py), made from the same list as
this page (`python -m tests.faults.corpus` writes it). *Refused* is followed by a part of the sentence; an empty cell
is one that the kind does not concern. The files take the place of one photograph, mask or map among good ones. Weights
are given as an encoder's or as a network's; the places in a file are tried in the order of
[model/state_dicts.py](../model/state_dicts.py), and what is taken from elsewhere than the file itself is printed.
"""


def cells(outcomes: dict[str, str]) -> list[str]:
    return [outcomes.get(command, "").replace(".*", " ... ") for command in COMMANDS]


def tables() -> dict[str, list[list[str]]]:
    """Rows of the page's tables by their titles: a kind, and its outcome in each of the table's columns."""
    titles = ("Photographs", "Masks", "Saved maps")
    found = {
        title: [[one.kind, *cells({c: one.in_command(c) for c in commands})] for one in files]
        for title, (files, commands) in zip(titles, CONCERNS)
    }
    found["Masks"] += [
        [kind, *cells({c: f'read: warns, "{text}"' if text else "read: itself" for c, text in warnings.items()})]
        for kind, (_, warnings) in MASK_SETS.items()
    ]
    found["Masks"] += [[kind, *cells({"train": outcome})] for kind, (_, outcome) in CONTOURS.items()]
    found["Names and folders"] = [[one.kind, *cells(one.outcomes)] for one in FOLDERS]
    return found | {"Weights": [[one.kind, *one.outcomes.values()] for one in WEIGHTS]}


def page() -> str:
    """docs/errors.md."""
    parts = [ABOUT]
    for title, rows in tables().items():
        columns = ["kind", *((ENCODER, MODEL) if title == "Weights" else COMMANDS)]
        table = [columns, ["---"] * len(columns), *rows]
        parts.append(f"## {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in table) + "\n")
    return "\n".join(parts)


def matches(outcome: str, sentence: str) -> bool:
    return re.search(outcome.removeprefix("refused: "), sentence, re.DOTALL) is not None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

import json

import numpy as np
import pytest

from ran.evaluation.metrics import COLUMNS
from ran.evaluation.scores import MethodScores, write_scores
from ran.tools import readme
from ran.utils.tool_options import ReadmeOptions

BLOCK = "before\n<!-- table scores -->\nold\n<!-- end -->\nbetween\n<!-- table cost -->\n<!-- end -->\nafter\n"


def write_run(folder, mae: float) -> None:
    totals = {"images": 3} | dict.fromkeys(COLUMNS, 0.5) | {"mae": mae}
    write_scores(folder, [MethodScores("run", "DUT", totals, [{"name": "a", "in_focus": 0.5}], np.zeros((3, 256)))])


@pytest.fixture
def options(tmp_path) -> ReadmeOptions:
    (tmp_path / "README.md").write_text(BLOCK)
    write_run(tmp_path / "results/first", 0.0421)
    return ReadmeOptions(paths=[str(tmp_path / "README.md")], results=str(tmp_path / "results"))


@pytest.mark.slow
def test_tables_are_filled_from_their_files(options, tmp_path):
    readme.run(options)
    text = (tmp_path / "README.md").read_text()
    assert "DUT, 3 images" in text and "| run | .042 | .500 |" in text
    assert "| resnet50 | 29.33 M |" in text and "\nold" not in text
    assert text.startswith("before\n") and "\nbetween\n" in text and text.endswith("after\n")


def test_trials_are_paired_with_what_they_change(options, tmp_path):
    lines = [
        f"{method},{name},{mae}"
        for method, maes in (("a", (0.1, 0.2, 0.3)), ("b", (0.2, 0.2, 0.5)))
        for name, mae in zip("xyz", maes)
    ]
    (tmp_path / "results/trials.csv").write_text("\n".join(["method,name,mae", *lines]))
    trial = {"trial": "longer", "than": "short", "set": "fold 1", "scores": ["trials.csv", "b"],
             "beside": ["trials.csv", "a"]}  # fmt: skip
    (tmp_path / "results/paired.json").write_text(json.dumps([trial]))
    table = readme.paired_table(tmp_path / "results")
    assert "| longer | short | fold 1, 3 | .3000 | .2000 | +0.1000 ± 0.0577 |" in table


def test_check_fails_when_a_number_changes(options, tmp_path):
    (tmp_path / "README.md").write_text("<!-- table scores -->\n<!-- end -->\n")
    readme.run(options)
    options.check = True
    readme.run(options)
    write_run(tmp_path / "results/first", 0.0430)
    before = (tmp_path / "README.md").read_text()
    with pytest.raises(ValueError, match="tables differ"):
        readme.run(options)
    assert (tmp_path / "README.md").read_text() == before


def test_other_json_files_are_named(options, tmp_path):
    (tmp_path / "results/first/scores.json").write_text("{}")
    with pytest.raises(ValueError, match="scores.json: not a score file"):
        readme.run(options)


def test_unknown_tables_are_refused(options, tmp_path):
    (tmp_path / "README.md").write_text("<!-- table cats -->\n<!-- end -->\n")
    with pytest.raises(ValueError, match="unknown table 'cats'"):
        readme.run(options)


@pytest.mark.slow
def test_this_repositorys_tables_are_those_of_its_files():
    readme.run(ReadmeOptions(check=True))

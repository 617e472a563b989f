import json

import numpy as np
import pytest

from ran.evaluation import tables
from ran.evaluation.metrics import COLUMNS
from ran.evaluation.scores import MethodScores
from ran.evaluation.tables import PUBLISHED, Line, SetTable, escape, latex, markdown, number, printed, set_tables


def method(name: str, mae: float, images: int = 4, dataset: str = "CUHK", first: int = 0, **more) -> MethodScores:
    rows = [{"name": str(first + i), "in_focus": 0.5, "mae": mae + 0.001 * i} for i in range(images)]
    return MethodScores(name, dataset, {"images": images, "mae": mae, "p3_f": 0.9} | more, rows, np.zeros((3, 256)))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Path of published numbers on CUHK, whose images are 0 to 3, and DUT, whose images nobody knows."""
    rows = {"Old": {"mae": 0.2, "p3_f": 0.95}, "Sloppy": {"mae": 0.05}}
    papers = [{"source": "a paper", "protocol": "P3", "set": x, "images": 4, "rows": rows} for x in ("CUHK", "DUT")]
    (tmp_path / "published.json").write_text(json.dumps(papers))
    (tmp_path / "CUHK_test.txt").write_text("0\n1\n2\n3\n")
    monkeypatch.setattr(tables, "SPLITS", tmp_path)
    return tmp_path / "published.json"


def test_numbers_look_as_the_field_prints_them():
    assert [number(x) for x in (0.0521, 0.0, 1.0, 0.9996, 0.5)] == [".052", ".000", "1.000", "1.000", ".500"]
    assert number(0.0521, 4) == ".0521"


def test_ranks_are_of_the_printed_values_and_know_the_direction():
    a, b, c = lines = [Line(name, 4, {"mae": mae, "p3_f": f}) for name, mae, f in
                       (("a", 0.0521, 0.9), ("b", 0.0524, 0.95), ("c", 0.06, 0.93))]  # fmt: skip
    d = Line("d", 4, {"mae": 0.07}, source="a paper")
    table = SetTable("CUHK", ["mae", "p3_f"], lines, [d])
    assert [table.rank(line, "mae") for line in (a, b, c, d)] == [1, 1, 2, 0]  # .052, .052, .060, .070
    assert [table.rank(line, "mae", 4) for line in (a, b, c)] == [1, 2, 0]
    assert [table.rank(line, "p3_f") for line in lines] == [0, 1, 2]
    assert SetTable("CUHK", ["mae"], [a]).rank(a, "mae") == 0  # nothing to compare with


@pytest.mark.parametrize("left_out, images, shown", [
    (["7"], 3, "c (3 images, 1 left out; not ranked)"), ([], 3, "c (3 images; not ranked)"),
    (["7"], 4, "c (4 images, 1 left out; not ranked)"), ([], 4, "c"),
])  # fmt: skip
def test_a_method_without_some_images_wins_nothing(left_out, images, shown):
    winner = method("c", 0.01, images)
    winner.about = {"notes": {"missing": left_out}}
    scores = [method("a", 0.05), method("b", 0.2), winner]
    (table,) = set_tables(scores, None)
    assert (f"| {shown} | .010 |" in markdown(table)) == (shown != "c")
    assert ("| a | **.050** |" in markdown(table)) == (shown != "c")
    assert f"{shown}  " in printed(scores)


def test_differences_stand_on_the_images_that_all_have():
    (table,) = set_tables([method("a", 0.05, 14), method("b", 0.2, 14), method("c", 0.05, 12, first=1)], None)
    assert [(one.column, one.images) for one in table.differences] == [("mae", 12)] * 3  # no row has p3_f
    text = markdown(table)
    assert "| b − a | MAE | +0.1500 ± 0.0000 | 12 | a is better |" in text
    assert "| c − b | MAE | -0.1510 ± 0.0000 | 12 | c is better |" in text
    assert "no difference beyond noise" in markdown(set_tables([method("a", 0.05), method("b", 0.2)], None)[0])


def test_published_rows_stand_apart_and_only_under_their_own_columns(published):
    (table,) = set_tables([method("ours", 0.06, s=0.8)], published)
    measured, rest = markdown(table).split("Published, a paper: P3; the measured ones follow.")
    assert "| ours | .060 | .900 | .800 |" in measured and "Old" not in measured
    assert "| method | MAE ↓ | P3 F ↑ |" in rest and "| Old | .200 | **.950** |" in rest
    assert "| Sloppy | **.050** |  |" in rest and "| ours | .060 | .900 |" in rest  # beside them, where they can be
    assert not set_tables([method("ours", 0.06)], None)[0].published


def unusable(one: MethodScores) -> MethodScores:
    one.about = {"notes": {"unusable": ["3.png: damaged"]}}
    return one


@pytest.mark.parametrize("scores, reason", [
    ([method("a", 0.01, first=1)], "other images than those of configs/splits/CUHK_test.txt"),
    ([method("a", 0.01, images=3)], "other images than those of configs/splits/CUHK_test.txt"),
    ([method("a", 0.01, dataset="DUT")], "configs/splits has no list of DUT's test images"),
    ([method("a", 0.01), method("b", 0.02, images=3)], ""),
    ([unusable(method("a", 0.01, images=3)), method("b", 0.01)], ""),
])  # fmt: skip
def test_published_rows_are_ranked_beside_the_same_test_alone(scores, reason, published):
    (table,) = set_tables(scores, published)
    assert table.apart == reason and len(table.published) == 2
    assert [table.rank(line, "mae") for line in table.published] == ([0, 0] if reason else [0, 2])
    *_, text = markdown(table).split("Published, a paper: P3")
    assert text.startswith(f", not comparable ({reason})." if reason else "; the measured ones follow.")
    assert ("| a " in text) == (not reason) and "| Old | .200 |" in text
    assert ("\\emph{Published, not comparable (" in latex(table, ["mae"])) == bool(reason)


@pytest.mark.parametrize("name, images, best, strongest", [("CUHK", 100, 0.036, 0.0350), ("DUT", 500, 0.070, 0.0474)])
def test_the_shipped_published_rows_are_of_our_columns(name, images, best, strongest):
    (table,) = set_tables([method("ours", 0.06, images, name, p5_mae=0.05, p5_adaptive_f=0.8)])
    by_name = {line.method: line.values for line in table.published}
    assert len(by_name) == 12 and by_name["D-DFFNet (ResNeSt-101 + depth)"]["mae"] == best
    focus = by_name["FOCUS-L (DINOv2-L; CUHK + DUT)"]
    assert focus["p5_mae"] == strongest and "mae" not in focus  # of stretched maps: another protocol
    _, first, second = markdown(table).split("Published, ")
    assert "FOCUS" not in first and "P5" not in first and "| method | P5 adp F ↑ | P5 MAE ↓ |" in second
    papers = json.loads(PUBLISHED.read_text())
    assert {key for paper in papers for values in paper["rows"].values() for key in values} <= COLUMNS.keys()


def test_a_method_twice_and_other_masks_are_refused():
    a, b = method("a", 0.05), method("b", 0.2)
    b.rows[2]["in_focus"] = 0.4
    with pytest.raises(ValueError, match="a was scored twice on CUHK"):
        set_tables([a, a], None)
    with pytest.raises(ValueError, match="CUHK: b was scored against another mask of 2 than a method before it; give"):
        set_tables([a, b], None)


def test_latex_marks_and_escapes(published):
    scores = [method("ours_50% & more", 0.04, s=0.8), method("b", 0.0451), method("[c] part", 0.01, images=3)]
    text = latex(set_tables(scores, published)[0], ["mae", "p3_f", "s"])
    assert "{}ours\\_50\\% \\& more & \\textbf{.040} & \\underline{.900} & .800 \\\\" in text
    assert "{}b & \\underline{.045} & \\underline{.900} & -- \\\\" in text  # one value in a column has no rank
    assert "{}[c] part (3 images; not ranked) & .010 & .900 & -- \\\\" in text
    assert "Method & MAE $\\downarrow$ & P3 F $\\uparrow$ & S $\\uparrow$ \\\\" in text
    assert "\\multicolumn{4}{l}{\\emph{Published}} \\\\\n{}Old & .200 & \\textbf{.950} & -- \\\\" in text
    assert text.count("\\midrule") == 2 and text.count("{") == text.count("}")
    assert "\\label{tab:cuhk}" in text and "P3: F at threshold 0.5" in text and "a paper: P3" in text
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"


@pytest.mark.parametrize("columns, kind", [(["mae", "p0_f"], "table"), (None, "table*")])
def test_a_wide_table_goes_over_both_columns(columns, kind):
    more = dict.fromkeys(("p0_f", "p1_f", "p3_iou", "s", "weighted_f"), 0.5)
    (table,) = set_tables([method("a", 0.04, **more)], None)
    text = latex(table, columns or table.columns)
    assert f"\\begin{{{kind}}}[t]" in text and f"\\begin{{tabular}}{{l{'c' * len(columns or table.columns)}}}" in text
    assert ("P3" in text) == (columns is None)

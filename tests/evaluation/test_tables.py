import json

import pytest

from ran.evaluation import comparison
from ran.evaluation.comparison import PUBLISHED, SetTable, number, set_tables
from ran.evaluation.metrics import COLUMNS
from ran.evaluation.scores import MethodScores
from ran.evaluation.tables import escape, latex, markdown, printed


def method(name: str, mae: float, images: int = 4, dataset: str = "CUHK", first: int = 0, **more) -> MethodScores:
    rows = [{"name": str(first + i), "in_focus": 0.5, "mae": mae + 0.001 * i} for i in range(images)]
    return MethodScores(name, dataset, {"images": images, "mae": mae, "p3_f": 0.9} | more, rows)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Path of published numbers on CUHK, whose images are 0 to 3, and DUT, whose images nobody knows."""
    rows = {"Old": {"mae": 0.2, "p3_f": 0.95}, "Sloppy": {"mae": 0.05}}
    papers = [{"source": "a paper", "protocol": "P3", "set": x, "images": 4, "rows": rows} for x in ("CUHK", "DUT")]
    (tmp_path / "published.json").write_text(json.dumps(papers))
    (tmp_path / "CUHK_test.txt").write_text("0\n1\n2\n3\n")
    monkeypatch.setattr(comparison, "SPLITS", tmp_path)
    return tmp_path / "published.json"


def test_ranks_are_of_the_printed_values_and_know_the_direction(published):
    lines = [method(name, mae, p3_f=f) for name, mae, f in (("a", 0.0521, 0.9), ("b", 0.0524, 0.95), ("c", 0.06, 0.93))]
    table = SetTable("CUHK", lines, [{"source": "a", "protocol": "", "images": 4, "rows": {"d": {"mae": 0.07}}}])
    assert [table.rank(line, "mae") for line in lines + table.published] == [1, 1, 2, 0]  # .052, .052, .060, .070
    assert [table.rank(line, "mae", 4) for line in lines] == [1, 2, 0]
    assert [table.rank(line, "p3_f") for line in lines] == [0, 1, 2]
    assert SetTable("CUHK", lines[:1], []).rank(lines[0], "mae") == 0  # nothing to compare with
    assert [number(x) for x in (0.0521, 0.0, 1.0, 0.9996, 0.5)] == [".052", ".000", "1.000", "1.000", ".500"]


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
    assert "| b − a | MAE | +0.1500 ± 0.0000 | 12 | a is better |" in markdown(table)
    assert "| c − b | MAE | -0.1510 ± 0.0000 | 12 | c is better |" in markdown(table)
    assert "no difference beyond noise" in markdown(set_tables([method("a", 0.05), method("b", 0.2)], None)[0])


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
    assert table.apart == reason and len(table.published) == 2 and not set_tables(scores, None)[0].published
    assert [table.rank(line, "mae") for line in table.published] == ([0, 0] if reason else [0, 2])
    *_, text = markdown(table).split("Published, a paper: P3")
    assert text.startswith(f", not comparable ({reason})." if reason else "; the measured ones follow.")
    assert ("| a " in text) == (not reason) and "| Old | .200 |" in text and "|  |" in text.split("Sloppy")[1]
    assert (f"{table.dataset} are not comparable: {escape(reason)}" in latex([table], ["mae"])) == bool(reason)
    assert ("\\emph{Published, not comparable on " in latex([table], ["mae"])) == bool(reason)


@pytest.mark.parametrize("name, images, best, strongest", [("CUHK", 100, 0.036, 0.0350), ("DUT", 500, 0.070, 0.0474)])
def test_the_shipped_published_rows_are_of_our_columns(name, images, best, strongest):
    (table,) = set_tables([method("ours", 0.06, images, name, p5_mae=0.05, focus_mae=0.05, focus_f=0.8)])
    by_name = {line.method: line.totals for line in table.published}
    assert len(by_name) == 12 and by_name["D-DFFNet (ResNeSt-101 + depth)"]["mae"] == best
    focus = by_name["FOCUS-L (DINOv2-L; CUHK + DUT)"]
    assert focus["focus_mae"] == strongest and not {"mae", "p5_mae"} & focus.keys()  # of maps of two levels
    measured, first, second = markdown(table).split("Published, ")
    assert "LBP" not in measured and "FOCUS" not in first and "| method | FOCUS MAE ↓ | FOCUS adp F ↑ |" in second
    papers = json.loads(PUBLISHED.read_text())
    assert {key for paper in papers for values in paper["rows"].values() for key in values} <= COLUMNS.keys()


def test_a_method_twice_and_other_masks_are_refused():
    a, b = method("a", 0.05), method("b", 0.2)
    b.rows[2]["in_focus"] = 0.4
    with pytest.raises(ValueError, match="a was scored twice on CUHK"):
        set_tables([a, a], None)
    with pytest.raises(ValueError, match="CUHK: b was scored against another mask of 2 than an earlier method; give"):
        set_tables([a, b], None)


def test_what_scores_depend_on_is_said_once():
    a, b = method("a", 0.05), method("b", 0.2)
    a.rows[0]["in_focus"] = b.rows[0]["in_focus"] = 1.0
    a.about = b.about = {"traits": ["two levels"]}
    remarks = ["1 image(s) have one class only; an F without positives counts as 0",
               "maps of a, b hold two levels: MAE, P0, P5 and E differ from those of grey maps"]  # fmt: skip
    (table,) = set_tables([a, b], None)
    assert table.remarks == remarks
    for text in (printed([a, b]), markdown(table), latex([table], ["mae"])):
        assert [text.count(remark) for remark in remarks] == [1, 1]


def test_latex_marks_and_escapes(published):
    scores = [method("ours_50% & more", 0.04, s=0.8), method("b", 0.0451), method("[c] part", 0.01, images=3)]
    text = latex(set_tables(scores, published), ["mae", "p3_f", "s"])
    assert "{}ours\\_50\\% \\& more & \\textbf{.040} & \\underline{.900} & .800 \\\\" in text
    assert "{}b & \\underline{.045} & \\underline{.900} & -- \\\\" in text  # one value in a column has no rank
    assert "{}[c] part (3 images; not ranked) & .010 & .900 & -- \\\\" in text
    assert "Method & MAE $\\downarrow$ & P3 F $\\uparrow$ & S $\\uparrow$ \\\\" in text
    assert "\\multicolumn{4}{l}{\\emph{Published}} \\\\\n{}Old & .200 & \\textbf{.950} & -- \\\\" in text
    assert text.count("\\midrule") == 2 and text.count("{") == text.count("}")
    assert "\\begin{table}[t]" in text and "\\begin{tabular}{lccc}" in text
    assert "\\label{tab:cuhk}" in text and "P3: F at threshold 0.5" in text and "Published: a paper: P3." in text
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"


def test_several_sets_stand_in_one_table_as_in_a_paper(published):
    scores = [method("a", 0.04), method("b", 0.06, images=3), method("a", 0.07, dataset="DUT")]
    lines = printed(scores).splitlines()
    assert lines[0].split("  ")[-1] == "DUT, 4 images" and "CUHK, 4 images" in lines[0]
    assert lines[1].split() == ["method", *["MAE", "↓", "P3", "F", "↑"] * 2]
    assert lines[2].split() == ["a", ".0400", ".9000", ".0700", ".9000"]
    assert lines[3].split("  ")[0] == "b (CUHK: 3 images; not ranked)" and lines[3].split()[-2:] == [".0600", ".9000"]
    text = latex(set_tables(scores, published), ["mae", "p3_f"])
    assert " & \\multicolumn{2}{c}{CUHK, 4 images} & \\multicolumn{2}{c}{DUT, 4 images} \\\\\n" in text
    assert "\\cmidrule(lr){2-3}\\cmidrule(lr){4-5}" in text and "\\label{tab:cuhk-dut}" in text
    assert "{}Old & .200 & \\textbf{.950} & .200 & .950 \\\\" in text  # nothing is ranked beside unknown images
    wide = latex(
        set_tables([method("a", 0.04, p0_f=0.9, s=0.8, dataset=x) for x in "AB"], None), ["mae", "p0_f", "p3_f", "s"]
    )
    assert "\\begin{table*}[t]" in wide and "\\begin{tabular}{lcccccccc}" in wide  # over both columns of a paper

import json

import pytest

from ran.evaluation import comparison
from ran.evaluation.comparison import PUBLISHED, set_tables
from ran.evaluation.metrics import COLUMNS
from ran.evaluation.scores import MethodScores
from ran.evaluation.tables import escape, latex, markdown, printed


def method(name: str, mae: float, images=4, dataset="CUHK", first=0, **more) -> MethodScores:
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


@pytest.mark.parametrize("scores, comparable", [
    ([method("a", 0.01, first=1)], False), ([method("a", 0.01, images=3)], False),
    ([method("a", 0.01, dataset="DUT")], False), ([method("a", 0.01), method("b", 0.2)], True),
])  # fmt: skip
def test_published_rows_are_ranked_beside_the_same_test_alone(scores, comparable, published):
    (table,) = set_tables(scores, published)
    assert len(table.published) == 2 and not set_tables(scores, None)[0].published
    assert [table.rank(line, "mae") for line in table.published] == ([0, 2] if comparable else [0, 0])
    for text in (markdown(table), latex([table], ["mae"])):
        assert "published: a paper: P3" in text
        assert ("published scores are not comparable: configs/splits has no list of exactly" in text) != comparable
    assert "| Old, published | .200 |" in markdown(table) and "| Sloppy, published | " in markdown(table)


def test_the_shipped_published_rows_are_of_our_columns():
    scores = [method("ours", 0.06, dataset=name, p5_mae=0.05, focus_mae=0.05) for name in ("CUHK", "DUT")]
    for table, best, strongest in zip(set_tables(scores), (0.036, 0.070), (0.0350, 0.0474)):
        by_name = {line.method: line.totals for line in table.published}
        assert len(by_name) == 12 and by_name["D-DFFNet (ResNeSt-101 + depth)"]["mae"] == best
        focus = by_name["FOCUS-L (DINOv2-L; CUHK + DUT)"]
        assert focus["focus_mae"] == strongest and not {"mae", "p5_mae"} & focus.keys()  # of maps of two levels
    papers = json.loads(PUBLISHED.read_text())
    assert {key for paper in papers for values in paper["rows"].values() for key in values} <= COLUMNS.keys()


def test_other_images_or_masks_and_a_method_twice_are_refused_and_what_scores_depend_on_is_said_once():
    a, b, masks = (method(name, mae) for name, mae in (("a", 0.05), ("b", 0.2), ("b", 0.2)))
    masks.rows[2]["in_focus"] = 0.4
    with pytest.raises(ValueError, match="scored twice on CUHK: a; "):
        set_tables([a, a], None)
    for other in (masks, method("b", 0.2, 3), method("b", 0.2, 5), method("b", 0.2, first=1)):
        with pytest.raises(ValueError, match="CUHK: b and a were scored on other images or masks; score both"):
            set_tables([a, other], None)
    a.rows[0]["in_focus"] = b.rows[0]["in_focus"] = 1.0
    a.about = b.about = {"traits": ["two levels"]}
    (table,) = set_tables([a, b], None)
    for text in ("\n".join(table.remarks), printed([a, b]), markdown(table), latex([table], ["mae"])):
        assert text.count("1 image(s) have one class only") == text.count("maps of a, b hold two levels: MAE, P0") == 1


def test_several_sets_stand_in_one_table_as_in_a_paper_with_marks_and_escapes(published):
    scores = [method("a", 0.0401), method("[c] 50% & more", 0.0451, s=0.8), method("b", 0.0399, p3_f=0.9996)]
    scores += [method(name, mae, dataset="DUT") for name, mae in (("a", 0.07), ("b", 0.08))]
    title, *lines = printed(scores).splitlines()
    assert title == "CUHK, 4 images; DUT, 4 images"
    assert lines[0].split("  ")[-6:] == [f"{x} {y}" for x in ("CUHK", "DUT") for y in ("MAE ↓", "P3 F ↑", "S ↑")]
    assert [line.split()[-4:] for line in lines[1:4]] == [
        [".0401", ".9000", ".0700", ".9000"], ["more", ".0451", ".9000", ".8000"], [".0399", ".9996", ".0800", ".9000"],
    ]  # fmt: skip
    text = latex(set_tables(scores, published), ["mae", "p3_f", "s"])
    for line in (
        "\\begin{tabular}{lcccccc}", "\\cmidrule(lr){2-4}\n\\cmidrule(lr){5-7}",
        "{} & \\multicolumn{3}{c}{CUHK, 4 images} & \\multicolumn{3}{c}{DUT, 4 images} \\\\\n",
        "Method" + " & MAE $\\downarrow$ & P3 F $\\uparrow$ & S $\\uparrow$" * 2 + " \\\\\n",
        "{}a & \\textbf{.040} & .900 & -- & \\textbf{.070} & .900 & -- \\\\\n",
        "{}b & \\textbf{.040} & \\textbf{1.000} & -- & \\underline{.080} & .900 & -- \\\\\n",  # ties as printed
        "{}[c] 50\\% \\& more & \\underline{.045} & .900 & .800 & -- & -- & -- \\\\\n",  # one S alone has no rank
        "{}Old, published & .200 & \\underline{.950} & -- & .200 & .950 & -- \\\\\n",  # no rank beside unknown images
        "% P3: F of the BLURRED part", "% CUHK: published: a paper: P3.",
    ):  # fmt: skip
        assert line in text
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"

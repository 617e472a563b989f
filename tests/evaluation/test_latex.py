import pytest

from ran.evaluation.tables import escape, latex, set_tables
from tests.evaluation.test_tables import method


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


def test_published_rows_of_another_test_are_said_to_be(published):
    text = latex(set_tables([method("a", 0.04, dataset="DUT")], published)[0], ["mae"])
    assert "\\emph{Published, not comparable (configs/splits has no list of DUT's test images)}" in text
    assert "\\textbf" not in text


@pytest.mark.parametrize("columns, kind", [(["mae", "p0_f"], "table"), (None, "table*")])
def test_a_wide_table_goes_over_both_columns(columns, kind):
    more = dict.fromkeys(("p0_f", "p1_f", "p3_iou", "s", "weighted_f"), 0.5)
    (table,) = set_tables([method("a", 0.04, **more)], None)
    text = latex(table, columns or table.columns)
    count = len(columns or table.columns)
    assert f"\\begin{{{kind}}}[t]" in text and f"\\begin{{tabular}}{{l{'c' * count}}}" in text
    assert ("P3" in text) == (columns is None) and "Published" not in text


def test_special_characters():
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"

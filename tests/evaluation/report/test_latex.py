from ran.evaluation.report.latex import escape, latex
from ran.evaluation.report.tables import set_tables
from tests.evaluation.report.test_tables import method


def test_latex_marks_groups_and_escapes(published):
    scores = [method("ours_50% & more", 0.04, s=0.8), method("b", 0.0451)]
    text = latex(set_tables(scores, published)[0], ["mae", "p3_f", "s"])
    assert "{}ours\\_50\\% \\& more & \\textbf{.040} & \\underline{.900} & .800 \\\\" in text
    assert "b & \\underline{.045} & \\underline{.900} & -- \\\\" in text  # one value in a column has no rank
    assert "Method & MAE $\\downarrow$ & F $\\uparrow$ & S $\\uparrow$ \\\\" in text
    assert "\\multicolumn{1}{c}{P3}" in text and "\\emph{Published}" in text
    assert text.count("\\midrule") == 2 and text.count("{") == text.count("}")
    assert "\\label{tab:cuhk}" in text and "resizebox" not in text and "P3: F at threshold 0.5" in text
    assert "\\multicolumn{1}{c}{} " in text  # MAE and S say what they are themselves
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"


def test_a_wide_table_goes_over_both_columns_and_a_narrow_one_shows_what_was_asked_for(published):
    more = dict.fromkeys(("p0_f", "p1_f", "p3_iou", "s", "weighted_f"), 0.5)
    table = set_tables([method("a", 0.04, **more)], None)[0]
    assert latex(table, table.columns).startswith("% \\usepackage{booktabs}\n\\begin{table*}[t]")
    narrow = latex(table, ["mae", "p0_f"])
    assert "\\begin{table}[t]" in narrow and "\\begin{tabular}{lcc}" in narrow and "P3" not in narrow


def test_a_method_that_was_published_too_is_named_once(published):
    text = latex(set_tables([method("Old", 0.04)], published)[0], ["mae", "p3_f"])
    assert "{}Old & " in text and "{}Old, as published & .200" in text and "Sloppy & \\underline{.050} & --" in text

from ran.evaluation.report.latex import escape, latex
from ran.evaluation.report.tables import set_tables
from tests.evaluation.report.test_tables import method


def test_latex_marks_groups_and_escapes(published):
    scores = [method("ours_50% & more", 0.04, s=0.8), method("b", 0.0451)]
    text = latex(set_tables(scores, published)[0])
    assert "{}ours\\_50\\% \\& more & \\textbf{.040} & \\underline{.900} & .800 \\\\" in text
    assert "b & \\underline{.045} & \\underline{.900} & -- \\\\" in text  # one value in a column has no rank
    assert "Method & MAE $\\downarrow$ & F $\\uparrow$ & S $\\uparrow$ \\\\" in text
    assert "\\multicolumn{1}{c}{P3}" in text and "\\emph{Published}" in text
    assert text.count("\\midrule") == 2 and text.count("{") == text.count("}")
    assert escape("a_b\\c~^#<") == "a\\_b\\textbackslash{}c\\textasciitilde{}\\textasciicircum{}\\#$<$"

import numpy as np
import pytest

from ran.evaluation.metrics import SetScore, score_image
from ran.evaluation.report import tables
from ran.evaluation.report.tables import Line, SetTable, markdown, number, set_tables
from ran.evaluation.scores import MethodScores


def method(name: str, mae: float, images: int = 4, dataset: str = "CUHK", **more) -> MethodScores:
    rows = [{"name": str(i), "in_focus": 0.5, "mae": mae + 0.001 * i} for i in range(images)]
    return MethodScores(name, dataset, {"images": images, "mae": mae, "p3_f": 0.9} | more, rows, np.zeros((3, 256)))


def test_numbers_look_as_the_field_prints_them():
    assert [number(x) for x in (0.0521, 0.0, 1.0, 0.9996, 0.5)] == [".052", ".000", "1.000", "1.000", ".500"]
    assert number(0.0521, 4) == ".0521"


def test_ranks_are_of_the_printed_values_and_know_the_direction():
    lines = [Line(name, 4, {"mae": mae, "p3_f": f}) for name, mae, f in
             (("a", 0.0521, 0.9), ("b", 0.0524, 0.95), ("c", 0.06, 0.93))]  # fmt: skip
    table = SetTable("CUHK", ["mae", "p3_f"], lines, [Line("d", 4, {"mae": 0.07})], [])
    assert [table.rank("mae", line.values["mae"]) for line in lines] == [1, 1, 2]  # .052, .052, .060
    assert [table.rank("p3_f", line.values["p3_f"]) for line in lines] == [0, 1, 2]
    assert table.rank("mae", 0.07) == 0
    assert SetTable("CUHK", ["mae"], lines[:1], [], []).rank("mae", 0.0521) == 0  # nothing to compare with


def test_published_rows_stand_apart_and_only_under_their_own_columns(published):
    (table,) = set_tables([method("ours", 0.06, s=0.8)], published)
    assert [line.method for line in table.published] == ["Old", "Sloppy"]
    text = markdown(table)
    measured, rest = text.split("Published, a paper: P3; the measured ones follow.")
    assert "| ours | .060 | .900 | .800 |" in measured and "Old" not in measured
    assert "| method | MAE ↓ | P3 F ↑ |" in rest and "| Old | .200 | **.950** |" in rest
    assert "| Sloppy | **.050** |  |" in rest and "| ours | .060 | .900 |" in rest  # beside them, where they can be
    assert not set_tables([method("ours", 0.06, images=3)], published)[0].published  # another set of that name
    assert not set_tables([method("ours", 0.06, dataset="DUT")], published)[0].published
    assert not set_tables([method("ours", 0.06)], None)[0].published


def test_a_published_number_of_no_protocol_of_ours_is_refused(published):
    published.write_text(published.read_text().replace("p3_f", "f"))
    with pytest.raises(ValueError, match="published.json: .*Old has the column f, which is no protocol here"):
        set_tables([method("ours", 0.06)], published)


def test_the_shipped_published_rows_fit():
    for name, images, best, strongest in (("CUHK", 100, 0.036, 0.0350), ("DUT", 500, 0.070, 0.0474)):
        ours = method("ours", 0.06, images=images, dataset=name, p5_mae=0.05, p5_adaptive_f=0.8)
        (table,) = set_tables([ours], tables.PUBLISHED)
        by_name = {line.method: line.values for line in table.published}
        assert len(by_name) == 12 and by_name["D-DFFNet (ResNeSt-101 + depth)"]["mae"] == best
        focus = by_name["FOCUS-L (DINOv2-L; CUHK + DUT)"]
        assert focus["p5_mae"] == strongest and "mae" not in focus  # of stretched maps: another protocol
        _, first, second = markdown(table).split("Published, ")
        assert "FOCUS" not in first and "| ours | " in first and "P5" not in first
        assert "| method | P5 adp F ↑ | P5 MAE ↓ |" in second and "| ours | .800 | .050 |" in second


def test_differences_and_incomplete_methods_are_reported():
    scores = [method("a", 0.05, 12), method("b", 0.2, 12), method("c", 0.05, 11)]
    (table,) = set_tables(scores, None)
    text = markdown(table)
    assert "| b − a | MAE | +0.1500 ± 0.0000 | 12 | a is better |" in text
    assert "| c − a | MAE | +0.0000 ± 0.0000 | 11 | no difference beyond noise |" in text
    assert "| c (11 images) | **.050** |" in text
    with pytest.raises(ValueError, match="a was scored twice on CUHK"):
        set_tables([scores[0], scores[0]], None)


def test_other_masks_under_one_name_are_refused():
    a, b = method("a", 0.05), method("b", 0.2)
    b.rows[2]["in_focus"] = 0.4
    with pytest.raises(ValueError, match="CUHK: b and a were scored against different masks of 2"):
        set_tables([a, b], None)


def test_differences_are_of_the_columns_that_the_table_shows():
    """A paired mean is the difference of two totals; max E, a maximum over the set, is none of single images."""
    rng = np.random.default_rng(0)
    mask = np.uint8(rng.random((20, 30)) > 0.5) * 255
    scores = []
    for name, noise in (("a", 30), ("b", 90)):
        maps = [np.uint8((0.7 * mask + 30 + rng.normal(0, noise, mask.shape)).clip(0, 255)) for _ in range(12)]
        whole = SetScore.of(score_image(str(i), x, mask) for i, x in enumerate(maps))
        scores.append(MethodScores.of(name, "S", whole))
    (table,) = set_tables(scores, None)
    assert {one.column for one in table.differences} >= {"mae", "p0_f", "p3_f", "s", "weighted_f"}
    for one in table.differences:
        assert one.mean == pytest.approx(scores[1].totals[one.column] - scores[0].totals[one.column])


def test_columns_that_only_some_methods_have_are_compared_among_them():
    scores = [method("a", 0.05), method("b", 0.2), method("c", 0.1)]
    for one in scores[1:]:
        one.rows = [row | {"p3_f": 0.9} for row in one.rows]
    (table,) = set_tables(scores, None)
    assert [(one.first, one.second) for one in table.differences if one.column == "p3_f"] == [("b", "c")]

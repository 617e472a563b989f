import json

import numpy as np
import pytest

from ran.evaluation.metrics import COLUMNS, SetScore, score_image
from ran.evaluation.scores import MethodScores
from ran.evaluation.tables import PUBLISHED, Line, SetTable, markdown, number, printed, set_tables


def method(name: str, mae: float, images: int = 4, dataset: str = "CUHK", first: int = 0, **more) -> MethodScores:
    rows = [{"name": str(first + i), "in_focus": 0.5, "mae": mae + 0.001 * i} for i in range(images)]
    return MethodScores(name, dataset, {"images": images, "mae": mae, "p3_f": 0.9} | more, rows, np.zeros((3, 256)))


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
    (table,) = set_tables([method("a", 0.05), method("b", 0.2), winner], None)
    first = table.measured[2]
    assert table.name_of(first) == shown and (table.rank(first, "mae") == 1) == (shown == "c")
    assert (f"| {shown} | .010 |" in markdown(table)) == (shown != "c")
    assert ("| a | **.050** |" in markdown(table)) == (shown != "c")
    assert f"{shown}  " in printed([method("a", 0.05), method("b", 0.2), winner])


def test_differences_stand_on_the_images_that_all_have():
    (table,) = set_tables([method("a", 0.05, 14), method("b", 0.2, 14), method("c", 0.05, 12, first=1)], None)
    assert [one.images for one in table.differences] == [12] * 3
    text = markdown(table)
    assert "| b − a | MAE | +0.1500 ± 0.0000 | 12 | a is better |" in text
    assert "| c − b | MAE | -0.1510 ± 0.0000 | 12 | c is better |" in text
    assert "no difference beyond noise" in markdown(set_tables([method("a", 0.05), method("b", 0.2)], None)[0])


def test_published_rows_stand_apart_and_only_under_their_own_columns(published):
    (table,) = set_tables([method("ours", 0.06, s=0.8)], published)
    assert [line.method for line in table.published] == ["Old", "Sloppy"] and not table.apart
    text = markdown(table)
    measured, rest = text.split("Published, a paper: P3; the measured ones follow.")
    assert "| ours | .060 | .900 | .800 |" in measured and "Old" not in measured
    assert "| method | MAE ↓ | P3 F ↑ |" in rest and "| Old | .200 | **.950** |" in rest
    assert "| Sloppy | **.050** |  |" in rest and "| ours | .060 | .900 |" in rest  # beside them, where they can be
    assert not set_tables([method("ours", 0.06)], None)[0].published


@pytest.mark.parametrize("scores, reason", [
    ([method("a", 0.01, first=1)], "other images than those of configs/splits/CUHK_test.txt"),
    ([method("a", 0.01, images=3)], "other images than those of configs/splits/CUHK_test.txt"),
    ([method("a", 0.01, dataset="DUT")], "configs/splits has no list of DUT's test images"),
    ([method("a", 0.01), method("b", 0.02, images=3)], ""),
])  # fmt: skip
def test_published_rows_are_ranked_beside_the_same_test_alone(scores, reason, published):
    (table,) = set_tables(scores, published)
    assert table.apart == reason and len(table.published) == 2
    assert [table.rank(line, "mae") for line in table.published] == ([0, 0] if reason else [0, 2])
    *_, text = markdown(table).split("Published, a paper: P3")
    assert text.startswith(f", not comparable ({reason})." if reason else "; the measured ones follow.")
    assert ("| a | " in text) == (not reason) and "| Old | .200 |" in text


def test_the_published_images_may_be_incomplete(published):
    """Their method is not ranked, but the test is the same."""
    part = method("a", 0.01, images=3)
    part.about = {"notes": {"unusable": ["3.png: damaged"]}}
    (table,) = set_tables([part], published)
    assert not table.apart and table.rank(table.measured[0], "mae") == 0


def test_the_shipped_published_rows_are_of_our_columns():
    papers = json.loads(PUBLISHED.read_text())
    assert {key for paper in papers for values in paper["rows"].values() for key in values} <= COLUMNS.keys()
    for name, images, best, strongest in (("CUHK", 100, 0.036, 0.0350), ("DUT", 500, 0.070, 0.0474)):
        ours = method("ours", 0.06, images=images, dataset=name, p5_mae=0.05, p5_adaptive_f=0.8)
        (table,) = set_tables([ours])
        by_name = {line.method: line.values for line in table.published}
        assert len(by_name) == 12 and by_name["D-DFFNet (ResNeSt-101 + depth)"]["mae"] == best
        focus = by_name["FOCUS-L (DINOv2-L; CUHK + DUT)"]
        assert focus["p5_mae"] == strongest and "mae" not in focus  # of stretched maps: another protocol
        _, first, second = markdown(table).split("Published, ")
        assert "FOCUS" not in first and "P5" not in first and "| method | P5 adp F ↑ | P5 MAE ↓ |" in second


def test_a_method_twice_on_a_set_is_refused():
    with pytest.raises(ValueError, match="a was scored twice on CUHK"):
        set_tables([method("a", 0.05), method("a", 0.05)], None)


def test_other_masks_under_one_name_are_refused():
    a, b = method("a", 0.05), method("b", 0.2)
    b.rows[2]["in_focus"] = 0.4
    with pytest.raises(ValueError, match="CUHK: b was scored against another mask of 2 than a method before it; give"):
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

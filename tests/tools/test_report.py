"""report on files of evaluate: everything it promises is there, and the page is right in a real browser."""

import csv
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from ran.data.images import write_image
from ran.data.masks import read_map
from ran.evaluation import figures
from ran.evaluation.report import Gallery, signed_error
from ran.evaluation.scores import read_scores, write_scores
from ran.tools import report
from ran.tools.options import ReportOptions

pytestmark = pytest.mark.xdist_group("report")  # one process makes what its tests share
TABLES = {"index.html", "tables.md", "tables.tex", "tables.csv", "images.csv"}
FIGURES = {f"SAMPLE_{what}.{kind}" for what in ("curves", "examples") for kind in ("png", "pdf")}


@pytest.fixture(scope="module")
def written(evaluated, tmp_path_factory) -> Path:
    report.run(ReportOptions(scores=[str(evaluated)], output=str(folder := tmp_path_factory.mktemp("report"))))
    return folder


def rewritten(folder: Path, scores: list, **options) -> tuple[Path, str]:
    """Writes a report on changed scores; gives its folder and the page."""
    write_scores(folder / "scores", scores)
    report.run(ReportOptions(scores=[str(folder / "scores")], output=str(folder / "out"), **options))
    return folder / "out", (folder / "out/index.html").read_text()


def test_a_report_has_its_files(written, evaluated):
    assert {path.name for path in written.iterdir()} == TABLES | FIGURES
    markdown, scores = (written / "tables.md").read_text(), read_scores(evaluated)
    assert "| good |" in markdown and "| small − good | MAE | +0." in markdown
    for name in ("curves", "examples"):
        assert cv2.imread(str(written / f"SAMPLE_{name}.png")).std() > 10
        pdf = (written / f"SAMPLE_{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf and b"/Type3" not in pdf  # TrueType, embedded
    tables, images = (list(csv.DictReader((written / f"{name}.csv").open())) for name in ("tables", "images"))
    assert [(row["method"], float(row["P3 F"])) for row in tables] == [(x.method, x.totals["p3_f"]) for x in scores]
    maes = [(one.method, row["name"], row["mae"]) for one in scores for row in one.rows]
    assert [(row["method"], row["name"], float(row["mae"])) for row in images] == maes


def test_what_is_not_there_is_said_and_the_rest_is_shown(evaluated, tmp_path, capsys):
    scores = read_scores(evaluated)
    del scores[0].folders["maps"], scores[0].folders["images"]
    _, page = rewritten(tmp_path / "one", scores)
    assert "SAMPLE: good is not shown, its folder is missing (no folder known); `test" in capsys.readouterr().out
    assert page.count("data:image/webp") == 3 * 4  # image, ground truth, map and error of small
    scores[0].folders, scores[1].folders = {}, dict.fromkeys(("maps", "masks", "images"), str(tmp_path / "moved"))
    folder, page = rewritten(tmp_path, scores)
    assert {path.name for path in folder.iterdir()} == TABLES | {name for name in FIGURES if "curves" in name}
    assert "data:image/webp" not in page and "data:image/svg" in page


def test_images_that_a_folder_lacks_are_counted_and_methods_chosen(evaluated, saved_maps, tmp_path, capsys):
    scores = read_scores(evaluated)
    for path in sorted(saved_maps["good"].iterdir())[1:]:  # found by the names that evaluate took them for
        write_image(tmp_path / "maps" / f"{path.stem}_pred.png", 255 - (levels := read_map(path)))
    scores[0].folders["maps"], scores[0].about["white"] = str(tmp_path / "maps"), {"maps": "blurred"}
    gallery = Gallery(scores)
    assert gallery.errors.keys() == {row["name"] for row in scores[0].rows[1:]}
    assert np.array_equal(gallery.read(path.stem, 1000)["good"], levels)
    assert gallery.errors[path.stem] == pytest.approx((scores[0].rows[2]["mae"] + scores[1].rows[2]["mae"]) / 2)
    folder, page = rewritten(tmp_path, scores, methods=["small", "good"])
    assert "SAMPLE: 1 of 3 images are not shown, because a folder lacks them\n" in capsys.readouterr().out
    assert page.count("<article>") == 2
    assert re.findall(r"(?m)^\| (\S+) \| [*.]", (folder / "tables.md").read_text()) == ["small", "good"]


def test_many_images_are_thinned_to_the_worst_and_names_escaped(evaluated, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ran.evaluation.report.PAGE_IMAGES", 2)
    scores = read_scores(evaluated)
    for one, name in zip(scores, ("_$x_$", "[12] a|b<script>")):
        one.dataset, one.method = "DUT.v1", name
    folder, page = rewritten(tmp_path, scores, examples=[scores[0].rows[1]["name"]])
    assert "DUT.v1: the page has the 2 images with the largest errors" in capsys.readouterr().out
    errors = {a["name"]: a["mae"] + b["mae"] for a, b in zip(*(one.rows for one in scores))}
    assert re.findall("<h4>(.*?)</h4>", page) == sorted(errors, key=errors.get, reverse=True)[:2]
    for name, row in (("md", "| [12] a\\|b<script> |"), ("tex", "{}[12] a$|$b$<$script$>$ &")):
        assert row in (folder / f"tables.{name}").read_text()
    assert "<script" not in page and "[12] a|b&lt;script&gt;" in page
    height, width = cv2.imread(str(folder / "DUT.v1_examples.png")).shape[:2]
    assert height < width / 3  # one row of four


def test_curves_the_grid_and_the_error_image(evaluated):
    """Curves begin at the first positive pixel; the grid goes from the smallest to the largest error."""
    scores = one, _ = read_scores(evaluated)
    one.curves[1, :3] = 0
    left, right = figures.curves_figure([one]).axes
    assert np.array_equal(left.lines[0].get_xydata(), one.curves[1::-1, 3:].T)
    assert np.array_equal(right.lines[0].get_xydata(), np.stack([np.arange(255, -1, -1), one.curves[2]], 1))
    gallery = Gallery(scores)
    for count, places in ((0, []), (1, [0]), (3, [0, 1, 2]), (26, [0, 5, 10, 15, 20, 25])):
        gallery.errors = dict.fromkeys(range(count)[::-1])
        assert gallery.range_of_errors() == places
    focus_map, truth = np.uint8([[255, 0, 100]]), np.uint8([[0, 255, 100]])
    assert signed_error(focus_map, truth).tolist() == [[[213, 94, 0], [0, 114, 178], [255, 255, 255]]]


def test_the_page_in_a_browser(browser, written):
    """It asks for nothing from elsewhere, complains of nothing, shows all images and fits its window."""
    page, messages, requests = browser.new_page(viewport={"width": 390, "height": 900}), [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((written / "index.html").as_uri())
    assert page.title() == page.locator("h1").inner_text() == "Focus maps of good, small"
    assert page.locator("section tbody tr td:first-child").all_inner_texts() == ["good", "small"]
    for what, count in (("td.rank1", 18), ("article", 3), ("article figure", 3 * 4)):
        assert page.locator(what).count() == count
    for image in page.locator("img").all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 50
    page.get_by_text("What each column measures").click()
    assert page.get_by_text("F of the BLURRED part").first.is_visible()
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not messages and all(url.startswith(("file:", "data:")) for url in requests)

"""report on files of evaluate: everything it promises is there, and the page works in a real browser."""

import csv
import shutil

import cv2
import pytest

from ran.evaluation.scores import read_scores, write_scores
from ran.tools import report
from ran.utils.tool_options import ReportOptions

pytestmark = pytest.mark.xdist_group("report")  # one process makes what its tests share


@pytest.fixture(scope="session")
def written(evaluated, tmp_path_factory):
    """Folder of a whole report on two methods."""
    folder = tmp_path_factory.mktemp("report")
    report.run(ReportOptions(scores=[str(evaluated)], output=str(folder), count=1, title="A </script> & title"))
    return folder


def test_a_report_has_its_files(written):
    names = {"index.html", "tables.md", "tables.tex", "tables.csv", "differences.csv"}
    names |= {f"SAMPLE_{what}.{kind}" for what in ("curves", "examples") for kind in ("png", "pdf")}
    assert {path.name for path in written.iterdir()} == names
    assert "| good |" in (written / "tables.md").read_text() and "\\toprule" in (written / "tables.tex").read_text()
    for name in ("curves", "examples"):
        assert cv2.imread(str(written / f"SAMPLE_{name}.png")).std() > 10
        assert (written / f"SAMPLE_{name}.pdf").read_bytes().startswith(b"%PDF")
    with (written / "tables.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["good", "small"]
    with (written / "differences.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["column"] == "MAE" and float(rows[0]["second minus first"]) > 0
    assert rows[0]["better"] == ""  # three images prove nothing


@pytest.mark.slow
def test_methods_and_examples_are_chosen_by_name(evaluated, tmp_path):
    name = read_scores(evaluated)[0].rows[1]["name"]
    options = ReportOptions(scores=[str(evaluated)], output=str(tmp_path / "a"), methods=["small", "good"])
    options.examples = [name]
    report.run(options)
    lines = (tmp_path / "a/tables.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines[4:6]] == ["small", "good"]
    one = cv2.imread(str(tmp_path / "a/SAMPLE_examples.png"))
    options.examples, options.by, options.count = [], "small", 3
    report.run(options)
    assert one.shape[0] < cv2.imread(str(tmp_path / "a/SAMPLE_examples.png")).shape[0]
    for change, message in (
        ({"methods": ["other"]}, "no method other"),
        ({"examples": ["nobody", name]}, "no image nobody that every"),
        ({"by": "other"}, "no method 'other'"),
        ({"scores": []}, "--scores names"),
        ({"scores": [str(evaluated)] * 2}, "was scored twice"),
        ({"scores": [str(tmp_path)]}, "no such file"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            report.run(ReportOptions(**vars(options) | change))


def test_scores_whose_pictures_are_gone_still_give_tables(evaluated, tmp_path, capsys):
    scores = read_scores(evaluated)
    scores[0].pictures.maps = ""
    scores[1].pictures.maps = str(tmp_path / "moved")
    write_scores(tmp_path / "scores", scores)
    report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out")))
    out = capsys.readouterr().out
    assert "SAMPLE: no pictures: there are no maps of good (no folder known), maps of small (" in out
    assert (tmp_path / "out/tables.md").exists() and not (tmp_path / "out/SAMPLE_examples.png").exists()
    report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out"), pictures=False))
    assert "no pictures" not in capsys.readouterr().out


def test_a_picture_that_vanished_is_named(evaluated, saved_maps, tmp_path):
    scores = read_scores(evaluated)
    shutil.copytree(saved_maps["good"], tmp_path / "maps")
    gone = min((tmp_path / "maps").iterdir())
    gone.unlink()
    scores[0].pictures.maps = str(tmp_path / "maps")
    write_scores(tmp_path / "scores", scores)
    with pytest.raises(ValueError, match=f"maps: no picture {gone.stem} any more"):
        report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_an_earlier_report_left_does_not_stay(evaluated, tmp_path):
    options = ReportOptions(scores=[str(evaluated)], output=str(tmp_path))
    report.run(options)
    report.run(ReportOptions(**vars(options) | {"methods": ["good"], "pictures": False}))
    assert not (tmp_path / "SAMPLE_examples.png").exists() and (tmp_path / "SAMPLE_curves.png").exists()
    assert (tmp_path / "differences.csv").read_text().count("\n") == 1


def test_odd_names_of_sets_and_methods(evaluated, tmp_path):
    scores = read_scores(evaluated)
    for one, name in zip(scores, ("_$x$ and $", "[12] a|b")):
        one.dataset, one.method = "DUT.v1", name
    write_scores(tmp_path / "scores", scores)
    report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out")))
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert names == {"DUT.v1_curves.png", "DUT.v1_examples.png"}
    assert "| [12] a\\|b |" in (tmp_path / "out/tables.md").read_text()
    assert "{}[12] a$|$b &" in (tmp_path / "out/tables.tex").read_text()


@pytest.mark.slow
def test_many_images_are_thinned_to_the_worst(evaluated, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ran.evaluation.report.PAGE_IMAGES", 2)
    report.run(ReportOptions(scores=[str(evaluated)], output=str(tmp_path)))
    assert "SAMPLE: the page shows the 2 images with the largest errors" in capsys.readouterr().out


def test_methods_on_different_images_are_reported(evaluated, tmp_path, capsys):
    scores = read_scores(evaluated)
    scores[1].rows.pop()
    write_scores(tmp_path / "scores", scores)
    report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out")))
    assert "SAMPLE: only 2 of 3 images were scored for every method" in capsys.readouterr().out


@pytest.fixture
def page(browser, written):
    """The report opened from disk; any message on the console, any error and any request elsewhere fails the test."""
    page, messages, requests = browser.new_page(), [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((written / "index.html").as_uri())
    yield page
    assert not messages
    assert all(url.startswith(("file:", "data:")) for url in requests)
    page.close()


def methods_in(page, place: str = "tbody") -> list[str]:
    return page.locator(f"section table >> nth=0 >> {place} tr td:first-child").all_inner_texts()


def test_the_page_sorts_by_a_click(page):
    assert page.title() == page.locator("h1").inner_text() == "A </script> & title"
    assert methods_in(page) == ["good", "small"]
    mae = page.get_by_role("button", name="MAE ↓").first
    mae.click()
    assert methods_in(page) == ["good", "small"]  # low is good: ascending first
    mae.click()
    assert methods_in(page) == ["small", "good"]
    page.get_by_role("button", name="wF ↑").first.click()
    assert methods_in(page) == ["good", "small"]  # high is good: descending first
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("wF")
    assert page.locator("td.first").count() > 5


def test_the_page_shows_and_sorts_images(page, evaluated):
    errors = {row["name"]: row["mae"] for row in read_scores(evaluated)[1].rows}
    page.get_by_label("Sort by the MAE of").select_option("small")
    names = page.locator(".example > div:first-child").all_text_contents()
    assert names == sorted(errors, key=errors.get, reverse=True)
    page.get_by_label("first").select_option("smallest")
    assert page.locator(".example > div:first-child").all_text_contents() == names[::-1]


def test_an_image_opens_and_the_arrow_keys_walk(page):
    names = page.locator(".example > div:first-child").all_text_contents()
    page.locator(".example button").first.click()
    dialog = page.locator("dialog")
    assert dialog.is_visible() and dialog.locator("b").inner_text() == names[0]
    assert dialog.locator("img").count() == 4 and dialog.locator("canvas").count() == 2
    dialog.locator("canvas[width='96']").nth(1).wait_for()
    colours = page.evaluate(
        "[...document.querySelectorAll('dialog canvas')].map(canvas => new Set(new Uint32Array("
        "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size)"
    )
    assert min(colours) > 10  # the signed error is drawn
    page.keyboard.press("ArrowRight")
    assert dialog.locator("b").inner_text() == names[1]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("b").inner_text() == names[-1]
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


@pytest.mark.slow
def test_names_are_never_read_as_html(browser, evaluated, dataset, tmp_path):
    scores = read_scores(evaluated)
    scores[0].method = "<img src=x onerror=document.title='broken'>"
    write_scores(tmp_path / "scores", scores)
    report.run(ReportOptions(scores=[str(tmp_path / "scores")], output=str(tmp_path / "out")))
    page = browser.new_page()
    page.goto((tmp_path / "out/index.html").as_uri())
    assert methods_in(page)[0] == scores[0].method and page.title() == "Focus maps compared"
    page.close()

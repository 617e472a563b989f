"""predict stopped, started again, on changed photographs, in two processes: what is made anew, and what stays."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ran.imaging.writing import write_png
from ran.tools.predict import command as predict
from ran.tools.sample import photograph
from tests import processes
from tests.tools.predict.written import read, written

ROOT = Path(__file__).parents[3]


def test_lines_of_an_older_version_are_made_anew(options, tmp_path, capsys):
    options.table, table = "csv", tmp_path / "out/focus.csv"
    predict.run(options)
    made = table.read_text()
    table.write_text(made.replace("fingerprint", "thumbnail"))
    predict.run(options)
    assert "were there already" not in capsys.readouterr().out
    predict.run(options)
    assert "0 picture(s)" in capsys.readouterr().out


def test_a_stopped_run_goes_on_where_it_was(options, tmp_path, capsys):
    options.table = "csv"
    options.paths = [f"{options.paths[0]}/a.png"]
    predict.run(options)
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    options.paths = [str(tmp_path / "shoot")]
    assert predict.run(options) == 0
    assert "1 were there already" in capsys.readouterr().out
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == before
    assert len((tmp_path / "out/focus.csv").read_text().splitlines()) == 4
    os.utime(tmp_path / "shoot/a.png")  # a newer photograph of that name
    predict.run(options)
    assert (tmp_path / "out/a.png").stat().st_mtime_ns > before
    options.overwrite = True
    before = (tmp_path / "out/b.png").stat().st_mtime_ns
    predict.run(options)
    assert (tmp_path / "out/b.png").stat().st_mtime_ns > before
    options.overwrite, options.overlay = False, True  # a new wish is fulfilled for old maps, too
    predict.run(options)
    assert (tmp_path / "out/a.overlay.jpg").exists()


def test_a_replaced_photograph_is_seen_whatever_its_date(options, shoot, tmp_path, capsys):
    options.overlay = True
    assert predict.run(options) == 0
    before = read(tmp_path / "out/a.png")
    write_png(shoot / "a.png", photograph("chelsea")[:200, :300])
    for path in shoot.glob("*.png"):  # b.png is as it was, with another date
        os.utime(path, (10**9, 10**9))
    assert predict.run(options) == 0
    said = capsys.readouterr().out
    assert "1 picture(s)" in said and "2 were there" in said and "1 had results of another file of their name" in said
    assert not np.array_equal(read(tmp_path / "out/a.png"), before)
    options.overlay = False
    write_png(shoot / "a.png", photograph("coffee")[:200, :300])
    os.utime(shoot / "a.png", (10**9, 10**9))
    predict.run(options)
    options.overlay = True  # of the photograph before
    predict.run(options)
    assert capsys.readouterr().out.count("1 had results of another file") == 2
    options.tta = True  # another map
    predict.run(options)
    assert "3 had results of another file of their name, or by other options" in capsys.readouterr().out
    Image.open(tmp_path / "out/a.png").save(tmp_path / "out/a.png")  # without a comment: somebody's
    with pytest.raises(ValueError, match="a.png: no result of predict, .*--overwrite replaces it"):
        predict.run(options)
    options.overwrite = True
    assert predict.run(options) == 0


@pytest.mark.slow
def test_two_processes_share_the_list_and_merge_the_table(options, shoot, tmp_path):
    words = [ROOT / "main.py", "predict", shoot, "--output", tmp_path / "two", "--model_path", options.model_path,
             "--device", "cpu", "--table", "csv", "--sort", "link"]  # fmt: skip
    result = processes.run(tmp_path / "said", *words, torchrun=True)
    assert result.returncode == 0, result.stderr
    options.table, options.sort = "csv", "link"
    predict.run(options)
    assert written(tmp_path / "two") == written(tmp_path / "out")
    assert (tmp_path / "two/focus.csv").read_text() == (tmp_path / "out/focus.csv").read_text()
    assert "3 picture(s)" in result.stdout
    result = processes.run(tmp_path / "said", *words, torchrun=True)
    assert result.returncode == 0 and "0 picture(s)" in result.stdout and "3 were there already" in result.stdout


def test_ctrl_c_leaves_whole_files_and_a_table(options, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        os.link(tmp_path / "shoot/a.png", folder / f"{number:03}.png")
    words = ["predict", folder, "--output", tmp_path / "out", "--model_path", options.model_path, "--device", "cpu"]
    job = processes.Job(tmp_path / "said", *words, "--table", "csv")
    processes.until(job, lambda: list((tmp_path / "out").glob("*.png")))
    job.send_signal(signal.SIGINT)
    _, error = job.communicate()
    assert job.returncode == 130 and "Traceback" not in error
    names = {name for name in written(tmp_path / "out") if name.endswith(".png")}
    assert 0 < len(names) < 400 and all(read(tmp_path / "out" / name) is not None for name in names)
    assert not [name for name in names if name.startswith(".")]
    assert len((tmp_path / "out/focus.csv").read_text().splitlines()) == len(names) + 1

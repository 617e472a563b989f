"""`make pages` builds the documents as web pages."""

import re
from pathlib import Path

import pytest

from tests import processes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what Sphinx calls
def test_the_pages_have_no_warning_and_hold_the_api(tmp_path, monkeypatch, capsys):
    try:
        from sphinx.cmd.build import main as sphinx_build
    except ModuleNotFoundError:
        processes.lacks("Sphinx")
    monkeypatch.chdir(processes.ROOT)
    words = re.search(r"sphinx-build (.*) build/pages", Path("Makefile").read_text(encoding="utf-8"))[1].split()
    assert "--fail-on-warning" in words and sphinx_build([*words, str(tmp_path)]) == 0, capsys.readouterr().err
    api = (tmp_path / "docs/api.html").read_text(encoding="utf-8")
    for name in ("load_model", "predictor.Predictor", "model.network.RAN", "model.losses.ran_loss"):
        assert f'id="ran.{name}"' in api
    assert (tmp_path / "examples/focus.html").is_file()

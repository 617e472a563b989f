"""The tables of the documents agree with the files, weights and networks behind them."""

import pytest

from docs import tables


@pytest.mark.slow
def test_the_tables_of_this_repository_are_up_to_date(capsys):
    assert tables.run(tables.DOCUMENTS, check=True) == 0, capsys.readouterr().out


def test_a_changed_number_is_found_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    (tmp_path / "one.md").write_text("| MAE |\n| .052 |\n")
    (path := tmp_path / "README.md").write_text("before\n<!-- table one.md -->\n| .051 |\n<!-- end -->\nafter\n")
    before = path.read_text()
    assert tables.run((path,), check=True) == 1 and path.read_text() == before
    assert capsys.readouterr().out == f"{path}: table one.md differs\n"
    assert tables.run((path,), check=False) == tables.run((path,), check=True) == 0
    assert path.read_text() == "before\n<!-- table one.md -->\n| MAE |\n| .052 |\n<!-- end -->\nafter\n"

"""The tables of the documents agree with the files, weights and networks behind them."""

import pytest

from docs import tables

TABLE = "before\n<!-- table cost -->\n{}\n<!-- end -->\nafter\n"


@pytest.mark.slow
def test_the_tables_of_this_repository_are_up_to_date(capsys):
    assert tables.run(tables.DOCUMENTS, check=True) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_a_changed_number_is_found_and_named(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_text(TABLE.format(tables.cost()))
    assert tables.run((path,), check=True) == 0 and not capsys.readouterr().out
    path.write_text(changed := path.read_text().replace("15.70 M", "15.71 M"))
    assert tables.run((path,), check=True) == 1 and path.read_text() == changed
    assert capsys.readouterr().out == f"{path}: table cost differs\n"
    assert tables.run((path,), check=False) == 0 and path.read_text() == TABLE.format(tables.cost())
    assert capsys.readouterr().out == f"{path}: table cost written\n"


def test_scores_come_from_results(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/one.md").write_text("| weights | MAE |\n")
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert tables.table("one/one.md") == "| weights | MAE |"
    with pytest.raises(OSError, match="cats"):
        tables.table("cats")

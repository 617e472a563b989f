import json

import pytest

from ran.tools.predict.table import Table


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_table_grows_over_runs(tmp_path, suffix):
    path = tmp_path / f"focus.{suffix}"
    first = Table(path)
    first.write()
    assert not path.exists()
    first.add("b", {"width": 3, "picture": "ü, b.jpg"})
    first.write()
    second = Table(path)
    assert second.rows["b"]["picture"] == "ü, b.jpg"
    second.add("a", {"width": 4, "picture": "a.jpg"})
    second.write()
    third = Table(path)
    assert list(third.rows) == ["a", "b"] and int(third.rows["b"]["width"]) == 3


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_several_processes_write_parts_that_become_one(tmp_path, suffix):
    path = tmp_path / f"focus.{suffix}"
    old = Table(path)
    for name in ("a", "b"):
        old.add(name, {"width": 1})
    old.write()
    tables = [Table(path, rank) for rank in range(3)]
    for table, name in zip(tables, ("a", "b", "c")):
        table.add(name, {"width": 2})
        table.write()
    assert {row["name"] for row in Table(path).rows.values()} == {"a", "b", "c"}  # after a broken job, too
    tables[0].merge()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert [(name, int(row["width"])) for name, row in Table(path).rows.items()] == [("a", 2), ("b", 2), ("c", 2)]


def test_columns_of_the_users_own_and_names_of_any_bytes(tmp_path):
    path = tmp_path / "focus.csv"
    path.write_text("name,picture,stars\nb,b.jpg,5\n")
    table = Table(path)
    table.add("a\udce9", {"picture": "a\udce9.jpg", "width": 3})
    table.write()
    rows = Table(path).rows
    assert rows["b"]["stars"] == "5" and rows["a\udce9"]["width"] == "3"
    path.write_text("name,picture\nb,b.jpg,5\n")
    with pytest.raises(ValueError, match="a line of another length"):
        Table(path)


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"no": "rows"}))
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    for name in ("a.json", "a.csv"):
        with pytest.raises(ValueError, match="not a table of an earlier run"):
            Table(tmp_path / name)

import os
import shutil
from unittest import mock

import pytest

from ran.utils import files
from ran.utils.files import atomic, locked, read_lines, write_bytes, write_csv


def test_atomic_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match=r"b.txt: cannot be written \(No such file"), atomic(tmp_path / "b.txt"):
        pass
    with pytest.raises(OSError, match="^of ours$"), atomic(tmp_path / "b.txt"):
        raise OSError("of ours")
    with pytest.raises(FileNotFoundError, match="No such file .*source.txt"), atomic(tmp_path / "b.txt") as temporary:
        shutil.copyfile(tmp_path / "source.txt", temporary)


def test_a_table_has_all_keys_of_its_rows(tmp_path):
    """As a history that goes on with one more metric."""
    write_csv(tmp_path / "table.csv", [{"epoch": 1}, {"epoch": 2, "new": 0.5}])
    assert (tmp_path / "table.csv").read_text() == "epoch,new\n1,\n2,0.5\n"


def test_lists_are_read_in_utf_8_alone(tmp_path):
    path = tmp_path / "list.txt"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_bytes("a ü\r\n\r\n東京 \r\n".encode(encoding))
        assert read_lines(path) == ["a ü", "東京"]
    for encoding in ("latin-1", "utf-16"):
        path.write_bytes("ü".encode(encoding))
        with pytest.raises(ValueError, match="list.txt: not a text file in UTF-8"):
            read_lines(path)


def test_what_a_killed_process_left_goes_and_no_link_is_followed(tmp_path):
    path, elsewhere = tmp_path / "out/a.txt", tmp_path / "elsewhere.txt"
    elsewhere.write_text("precious")
    with atomic(path) as temporary:
        temporary.touch()
    temporary.write_text("half")  # as SIGKILL leaves it
    write_bytes(path, b"whole")
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    temporary.symlink_to(elsewhere)
    path.unlink()
    path.symlink_to(elsewhere)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and not path.is_symlink() and elsewhere.read_text() == "precious"


def test_a_new_folder_goes_again_where_the_work_failed_at_once(tmp_path):
    for folder, kept in (("a/b", []), ("c", ["c", "kept"])):
        with pytest.raises(ValueError), locked(tmp_path / folder):
            _ = [(tmp_path / folder / name).touch() for name in kept[1:]]
            raise ValueError
        assert [path.name for path in tmp_path.rglob("*")] == kept


def test_a_lock_file_that_stays_as_on_windows_locks_no_later_run_out(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0)
    monkeypatch.setattr(os, "unlink", mock.Mock(side_effect=PermissionError))  # it is open
    for _ in range(2):
        with locked(tmp_path / "a"), pytest.raises(OSError, match="another run"), locked(tmp_path / "a"):
            pass
    assert [path.name for path in tmp_path.rglob("*")] == ["a", ".lock"]

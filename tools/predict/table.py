"""A table of pictures that grows over several runs and processes."""

import csv
import json
import threading
from pathlib import Path

from ...utils.files import write_csv, write_json
from .bursts import FINGERPRINT, mark
from .sources import Source


class Table:
    """Rows by name in a .csv or .json file; what an earlier run wrote stays, until the same name comes again.

    Of several processes each writes a part of its own beside the file, until the first one writes all of it. A part
    that a broken job left is read like the file.

    Raises:
        ValueError: the file is there, but holds no such table.
    """

    def __init__(self, path: Path, rank: int = 0):
        self.path, self.rank = path, rank
        self.rows: dict[str, dict] = {}
        self._added: dict[str, dict] = {}
        self._lock = threading.Lock()
        for part in [path, *self._parts()]:
            if part.exists():
                self.rows |= {row["name"]: row for row in _read(part)}

    def add(self, name: str, row: dict) -> None:
        with self._lock:
            self.rows[name] = self._added[name] = {"name": name} | row

    def has(self, source: Source) -> bool:
        """Whether there is a row of this photograph; one of an older version has no fingerprint."""
        row = self.rows.get(source.name, {})
        return row.get("picture") == str(source.path) and bool(FINGERPRINT.fullmatch(row.get("fingerprint") or ""))

    def write(self) -> None:
        """Writes this process's file: the first one's has all rows, another one's those that it added."""
        part = self.path if self.rank == 0 else self.path.with_name(f".{self.rank}.{self.path.name}")
        _write(part, self._added if self.rank else self.rows)

    def merge(self) -> None:
        """Writes all processes' rows into the file, sorted by name, with bursts, when each has written its own."""
        parts = self._parts()
        for part in parts:
            self.rows |= {row["name"]: row for row in _read(part)}
        ordered = [self.rows[name] for name in sorted(self.rows)]
        for row in ordered:
            row |= {"group": None, "rank": None}
        # Others have been moved since, or deleted.
        mark([row for row in ordered if Path(row.get("picture") or "").is_file()])
        _write(self.path, self.rows)
        for part in parts:
            part.unlink()

    def _parts(self) -> list[Path]:
        return sorted(self.path.parent.glob(f".[0-9]*.{self.path.name}"))


def _read(path: Path) -> list[dict]:
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = json.load(file) if path.suffix == ".json" else list(csv.DictReader(file))
        if all(isinstance(row["name"], str) and None not in row for row in rows):
            return rows
        reason = "a line of another length"
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        reason = repr(error)
    raise ValueError(f"{path}: not a table of an earlier run ({reason}): move it away")


def _write(path: Path, rows: dict[str, dict]) -> None:
    if not rows:
        return
    ordered = [rows[name] for name in sorted(rows)]
    if path.suffix == ".json":
        write_json(path, ordered)
    else:
        write_csv(path, ordered)

"""The table of numbers that predict writes: a row an image, kept over several runs."""

import csv
import json
from pathlib import Path
from threading import Lock

from filelock import FileLock

from ..utils.files import write_csv, write_json


class Table:
    """Rows by name in OUTPUT/focus.csv or focus.json. Runs and processes at the same time may share the file.

    Attributes:
        rows: of the file, as it was read last.
        changes: rows by name that write() will put there; None removes one.

    Raises:
        ValueError: the file holds no such table.
    """

    def __init__(self, path: Path):
        self.path, self.rows = path, _read(path)
        self.changes: dict[str, dict | None] = {}
        self._lock = Lock()  # threads add rows while another one writes the file

    def change(self, rows: dict[str, dict | None]) -> None:
        """Adds changes."""
        with self._lock:
            self.changes |= rows

    def write(self) -> None:
        """Puts the changes into the file."""
        if not self.changes:
            return
        with self._lock, FileLock(self.path.with_name(f".{self.path.name}.lock")):
            rows = sorted((_read(self.path) | self.changes).items())
            self.rows = {name: row for name, row in rows if row}
            if self.path.suffix == ".json":
                write_json(self.path, [*self.rows.values()])
            else:
                write_csv(self.path, [*self.rows.values()], encoding="utf-8-sig")
            self.changes = {}


def _read(path: Path) -> dict[str, dict]:
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = json.load(file) if path.suffix == ".json" else list(csv.DictReader(file))
        if all(isinstance(row["name"], str) for row in rows):
            return {row["name"]: row for row in rows}
        raise ValueError("a row without a name")
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a table of an earlier run ({error!r}): move it away") from None

"""Kills, full disks, bad and hostile files. `make faults` runs them at length and keeps the figures in results/."""

import os
from pathlib import Path

from ran.utils.files import write_json


def keep(name: str, figures: dict) -> None:
    """Writes a test's figures to the folder that RAN_FIGURES names, if any."""
    if folder := os.environ.get("RAN_FIGURES"):
        write_json(Path(folder) / f"{name}.json", figures)

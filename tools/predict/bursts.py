"""Bursts: which photographs show nearly the same, and which of them is the sharpest."""

import itertools
import re
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from ...imaging.metadata import captured
from ...imaging.resizing import thumbnail

SIDE = 16  # of a thumbnail, cells
FINGERPRINT = re.compile(f"[a-p]{{{SIDE**2}}}")
LIKENESS = 0.8  # two photographs from here on are one burst; benchmarks/bursts.py measures what lies on either side
SECONDS = 5  # two photographs of known times that are further apart are none
SHIFTS = tuple(itertools.product(np.arange(-1, 1.1, 0.5), repeat=2))  # cells, to 6 % of a side


def columns(photograph: np.ndarray, path: Path) -> dict[str, str | None]:
    """What a table's row says for `mark`, and the places of what that finds. The photograph may be a smaller one."""
    return {"captured": captured(path), "group": None, "rank": None, "fingerprint": fingerprint(photograph)}


def fingerprint(photograph: np.ndarray) -> str:
    """A thumbnail as 256 letters, a to p: what differs from its mean, in steps of 0.4 standard deviations to 3."""
    small = thumbnail(photograph)
    small = (small - small.mean()) / max(float(small.std()), 1e-6)
    return bytes((np.rint((small.clip(-3, 3) + 3) * 2.5) + ord("a")).astype(np.uint8).ravel()).decode()


def thumbnails(fingerprints: list[str]) -> np.ndarray:
    """N x 16 x 16 float32, 0 to 15, of N fingerprints."""
    letters = np.frombuffer("".join(fingerprints).encode(), np.uint8)
    return letters.reshape(-1, SIDE, SIDE).astype(np.float32) - ord("a")


def likeness(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How alike thumbnails are, -1 to 1: their correlation at the shift of one of them where it is highest.

    So neither the exposure counts nor the step of a hand between two frames.

    Args:
        one: 16 x 16 float32. others: N x 16 x 16.

    Returns:
        N values; 0 where one is flat.
    """
    return (_normalised(others) @ _shifted(one).T).max(axis=1)


def _shifted(one: np.ndarray) -> np.ndarray:
    """25 x 196: a thumbnail at every shift, see _normalised."""
    moves = [np.array([[1, 0, x], [0, 1, y]]) for x, y in SHIFTS]
    return _normalised(np.stack([cv2.warpAffine(one, move, one.shape, flags=cv2.INTER_CUBIC) for move in moves]))


def _normalised(pictures: np.ndarray) -> np.ndarray:
    """N x 196: the pictures without their rim, which a shift loses, of mean 0 and length 1."""
    inner = pictures[:, 1:-1, 1:-1].reshape(-1, (SIDE - 2) ** 2)
    inner = inner - inner.mean(axis=1, keepdims=True)
    return inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-6)


def mark(rows: list[dict]) -> None:
    """Numbers the bursts of a table's rows: those of one share a `group`, where `rank` 1 is the sharpest.

    A burst holds whatever is alike to one of its frames, and was taken within 5 seconds of that where both say when.
    A photograph alone is a group of its own. Rows without a fingerprint stay as they are. The rank is by sharpness
    times share in focus: in a frame that missed the focus, the little that is in focus may be the sharpest spot of all.
    """
    rows = [row for row in rows if FINGERPRINT.fullmatch(row.get("fingerprint") or "")]
    small = thumbnails([row["fingerprint"] for row in rows])
    inner = _normalised(small)
    times = np.array([_seconds(row.get("captured")) for row in rows])
    group = np.arange(len(rows))
    for number in range(len(rows) - 1):
        near = ~(np.abs(times[number + 1 :] - times[number]) > SECONDS)  # also where one is unknown, NaN
        candidates = number + 1 + np.flatnonzero(near)
        alike = (inner[candidates] @ _shifted(small[number]).T).max(axis=1) >= LIKENESS  # as likeness has it
        for other in candidates[alike]:
            group[group == group[other]] = group[number]
    for count, first in enumerate(dict.fromkeys(group.tolist()), 1):
        frames = [rows[number] for number in np.flatnonzero(group == first)]
        for rank, row in enumerate(sorted(frames, key=_worth, reverse=True), 1):
            row["group"], row["rank"] = count, rank


def _worth(row: dict) -> tuple[float, float]:
    sharpness = float(row["sharpness"])
    return sharpness * float(row["in_focus"]), sharpness


def _seconds(captured: str | None) -> float:
    try:
        return (datetime.fromisoformat(captured or "") - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")

"""Scoring 100 maps: `evaluate`'s engine beside PySODMetrics' classes called one by one, on the same files."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import py_sod_metrics

from ran.evaluation.metrics import SetScore, totals
from ran.evaluation.scoring import in_processes, score_file
from ran.imaging.writing import write_png
from ran.utils.progress import cores

from .common import in_child

TITLE = "Scoring: evaluate on all cores beside PySODMetrics' classes one by one"
SIZE = (427, 640)


def write_pictures(folder: Path, count: int) -> list[tuple[str, Path, Path]]:
    """Made-up masks of smooth regions, and soft, noisy maps of them that use all levels; (name, map, mask) of each."""
    rng = np.random.default_rng(0)
    jobs = []
    for number in range(count):
        hills = cv2.GaussianBlur(rng.standard_normal(SIZE).astype(np.float32), (0, 0), 40)
        mask = (hills > np.quantile(hills, rng.uniform(0.5, 0.8))).astype(np.uint8) * 255
        soft = cv2.GaussianBlur(mask, (0, 0), 6) + rng.normal(0, 20, SIZE)
        soft = (soft - soft.min()) / (soft.max() - soft.min()) * 255
        paths = (folder / f"maps/{number:03d}.png", folder / f"masks/{number:03d}.png")
        for path, picture in zip(paths, (np.round(soft).astype(np.uint8), mask)):
            write_png(path, picture)
        jobs.append((f"{number:03d}", *paths))
    return jobs


def ours(jobs: list[tuple[str, Path, Path]]) -> dict[str, float]:
    """Totals of all protocols, as evaluate computes them on all cores."""
    return totals(SetScore.of(in_processes(score_file, jobs, len(jobs), cores())))


def library(jobs: list[tuple[str, Path, Path]]) -> dict[str, float]:
    """What the library has of it (MAE, P5, S, E, weighted F), one class after the other in this process."""
    handler = py_sod_metrics.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)
    metrics = (
        py_sod_metrics.MAE(),
        py_sod_metrics.FmeasureV2({"f": handler}),
        py_sod_metrics.Smeasure(),
        py_sod_metrics.Emeasure(),
        py_sod_metrics.WeightedFmeasure(),
    )
    for _, *paths in jobs:
        pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
        for metric in metrics:
            metric.step(*pictures)
    mae, f, s, e, weighted = (metric.get_results() for metric in metrics)
    curve = f["f"]["dynamic"]
    return {
        "mae": mae["mae"],
        "p5_max_f": curve.max(),
        "p5_mean_f": curve.mean(),
        "p5_adaptive_f": f["f"]["adaptive"],
        "s": s["sm"],
        "e_max": e["em"]["curve"].max(),
        "weighted_f": weighted["wfm"],
    }


def measure(device: str, repeats: int) -> list[dict]:
    """Median seconds of both, and the largest difference between their scores."""
    row, peak = in_child(in_turn, 100, max(3, repeats // 3))
    return [row | {"peak MB": peak}]


def in_turn(count: int, repeats: int) -> dict:
    seconds: dict[Callable, list[float]] = {ours: [], library: []}
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = write_pictures(Path(folder), count)
        for _ in range(repeats):
            for function, times in seconds.items():
                start = time.perf_counter()
                results[function] = function(jobs)
                times.append(time.perf_counter() - start)
    medians = {function: sorted(times)[len(times) // 2] for function, times in seconds.items()}
    difference = max(abs(results[ours][key] - value) for key, value in results[library].items())
    return {
        "what": f"{count} maps of 640 x 427, all protocols",
        "seconds": medians[ours],
        "seconds, PySODMetrics": medians[library],
        "times faster": medians[library] / medians[ours],
        "largest difference": float(difference),
    }

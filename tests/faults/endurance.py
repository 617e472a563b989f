"""The long run: memory of 2,000 pictures through predict, and of 20 epochs of a small training, as a table and a plot.

`python -m tests.faults.endurance` (Linux) takes about ten minutes on 2 CPU cores; it ends with status 1 where memory
grew. Not a part of the tests.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.evaluation.report.tables import markdown_table
from ran.tools import prepare, sample
from ran.utils.files import atomic, write_bytes, write_csv
from ran.utils.tool_options import PrepareOptions, SampleOptions
from tests.faults import corpus

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "results/faults"
GROWTH = 0.05  # of the mean memory, from the second fifth of a run to the last, that still counts as flat


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children; what they share is counted once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    return own + sum(memory_mb(int(child)) for child in children)


def watch(name: str, words: list[str]) -> list[dict]:
    """Runs a command; its memory twice a second."""
    process = subprocess.Popen([sys.executable, ROOT / "main.py", *words])
    start, rows = time.monotonic(), []
    while process.poll() is None:
        rows.append({"run": name, "second": round(time.monotonic() - start, 1), "mb": round(memory_mb(process.pid))})
        time.sleep(0.5)
    assert process.returncode == 0
    return rows


def growth(rows: list[dict]) -> float:
    """Mean memory of the last fifth of a run (without its end) beside that of the second fifth."""
    memory = [row["mb"] for row in rows][:-2]
    fifth = len(memory) // 5
    return float(np.mean(memory[-fifth:]) / np.mean(memory[fifth : 2 * fifth]) - 1)


def plot(watched: dict[str, list[dict]]) -> None:
    """Draws memory.png."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for panel, (name, rows) in zip(figure.subplots(1, 2), watched.items()):
        panel.plot([row["second"] for row in rows], [row["mb"] for row in rows], color="C0", linewidth=1)
        panel.set(
            title=f"{name.split(',')[0]}: {growth(rows):+.1%}",
            xlabel="seconds",
            ylabel="resident memory, MB",
            ylim=(0, None),
        )
        panel.grid(alpha=0.3)
    with atomic(OUTPUT / "memory.png") as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def summary(watched: dict[str, list[dict]]) -> str:
    """What kills, bad files and long runs came to, as the README shows it."""
    lines = []
    for command in ("train", "prepare", "test", "predict"):
        tally = json.loads((OUTPUT / f"kills_{command}.json").read_text())
        found = (
            f"{tally['kills']} of {tally['kills']} survived; {tally['temporaries']} temporary files left and replaced"
        )
        lines.append([f"`{command}` killed at {tally['kills']} random moments", found])
    kinds = [row for rows in corpus.tables().values() for row in rows]
    outcomes = [cell.partition(":")[0] for row in kinds for cell in row[1:] if cell]
    counts = ", ".join(f"{outcomes.count(what)} {what}" for what in ("read", "refused", "left out"))
    lines.append([f"{len(kinds)} kinds of bad and odd files", f"{len(outcomes)} cases with a command: {counts}"])
    for name, rows in watched.items():
        most, seconds = max(row["mb"] for row in rows), rows[-1]["second"]
        lines.append(
            [name, f"{seconds:.0f} s, at most {most} MB of memory, {growth(rows):+.1%} from second to last fifth"]
        )
    return markdown_table([["what", "what became of it"], *lines]).replace("---:", "---")


def endure() -> int:
    with tempfile.TemporaryDirectory() as folder:
        source, data = f"{folder}/source", f"{folder}/dataset"
        sample.run(SampleOptions(output=source, training=1980, test=20, width=480))
        prepare.run(PrepareOptions(source=source, data_path=data, dataset="SAMPLE", white="blurred"))
        runs = {
            "predict at 256 px, 2,000 pictures of 480 x 320": [
                "predict", f"{source}/image", "--output", f"{folder}/maps", "--table", "csv", "--size", "256"],
            "train at 160 px, 20 epochs of 76 pictures": [
                "train", "--data_path", data, "--model_path", f"{folder}/run", "--arch", "resnet18", "--pretrained",
                "none", "--img_size", "160", "--epochs", "20", "--early_stop", "20", "--limit", "80"],
        }  # fmt: skip
        watched = {name: watch(name, words) for name, words in runs.items()}
    write_csv(OUTPUT / "memory.csv", [row for rows in watched.values() for row in rows])
    plot(watched)
    write_bytes(OUTPUT / "faults.md", (summary(watched) + "\n").encode())
    return int(any(growth(rows) > GROWTH for rows in watched.values()))


if __name__ == "__main__":
    sys.exit(endure())

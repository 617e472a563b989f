"""`python -m benchmarks`: measures the project beside its alternatives; a Markdown and a JSON table, and a plot."""

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from ran.utils.command_line import option, parse
from ran.utils.files import write_bytes, write_json

from .tables import markdown

SECTIONS = (
    "training",
    "inference",
    "prediction",
    "shared",
    "connectivity",
    "startup",
    "scaling",
    "pictures",
    "scoring",
)


@dataclass
class Options:
    """Options of the benchmarks."""

    only: list[str] = option(list(SECTIONS), "sections to measure")
    device: str = option("auto", "auto takes CUDA where it is, else the CPU", choices=("auto", "cpu", "cuda"))
    repeats: int = option(15, "measurements behind each median", at_least=3)
    output: str = option("results/benchmarks", "folder for DEVICE.json, DEVICE.md and DEVICE_scaling.png")


def main(options: Options) -> None:
    from .common import gpu, in_child, machine

    gpu_name = "" if options.device == "cpu" else in_child(gpu)[0]
    if options.device == "cuda" and not gpu_name:
        raise SystemExit("error: --device cuda, but torch finds no CUDA device here")
    device = "cuda" if gpu_name else "cpu"
    folder, here = Path(options.output), in_child(machine, gpu_name)[0]
    results = earlier(folder / f"{device}.json", here)
    for name in options.only:
        section = importlib.import_module(f"benchmarks.{name}")
        print(f"{section.TITLE} ...", flush=True)
        results[name] = {"title": section.TITLE, "rows": section.measure(device, options.repeats)}
        sections = {name: results[name] for name in SECTIONS if name in results}
        report = {"machine": here, "repeats": options.repeats, "sections": sections}
        write_json(folder / f"{device}.json", report)  # after each: all together take half an hour
        write_bytes(folder / f"{device}.md", in_child(markdown, report)[0].encode())
        print(name, "measured", flush=True)
    if "scaling" in options.only:
        importlib.import_module("benchmarks.scaling").plot(results["scaling"]["rows"], folder / f"{device}_scaling.png")
    print(f"written to {folder / device}.json and .md")


def earlier(path: Path, here: dict) -> dict:
    """Sections measured before on the same machine with the same versions."""
    report: dict = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"machine": None}
    return report["sections"] if report["machine"] == here else {}


if __name__ == "__main__":
    main(parse(Options, sys.argv[1:], "python -m benchmarks", __doc__))

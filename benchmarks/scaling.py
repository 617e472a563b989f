"""How time and memory grow with the image's side and with the batch."""

import math

from .common import SIZE, in_child, median_seconds

TITLE = "Growth with image side and batch, RAN resnet18"
SIDES = (256, 384, 512, 768, 1024, 1536)
BATCHES = (1, 2, 4, 8, 16)


def measure(device: str, repeats: int) -> list[dict]:
    """Seconds and peak memory of one image or batch, with the exponent: seconds ~ side^a or batch^b."""
    rows = []
    for what, sizes in (("side", [(1, side) for side in SIDES]), ("batch", [(batch, SIZE) for batch in BATCHES])):
        group = []
        for batch, side in sizes:
            seconds, peak = in_child(forward_seconds, batch, side, device, max(3, repeats // 3))
            group.append(
                {
                    "what": f"{batch} x {side} x {side}",
                    "axis": what,
                    "size": side if what == "side" else batch,
                    "seconds": seconds,
                    "peak MB": peak,
                }
            )
        exponent = slope([(row["size"], row["seconds"]) for row in group[1:]])
        rows += [row | {"exponent": exponent} for row in group]
    return rows


def forward_seconds(batch: int, side: int, device: str, repeats: int) -> float:
    import torch

    from ran.model import RAN

    network = RAN("resnet18").to(device).to(memory_format=torch.channels_last).eval()
    images = torch.rand(batch, 3, side, side, device=device)
    with torch.inference_mode():
        return median_seconds(lambda: network(images, mask_only=True), repeats, warm_up=1)


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares slope of log y over log x."""
    xs, ys = ([math.log(value) for value in values] for values in zip(*points))
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)


def plot(rows: list[dict], path) -> None:
    """Seconds and memory over side and batch, logarithmic."""
    from matplotlib.figure import Figure

    from ran.utils.files import atomic

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for panel, axis in zip(figure.subplots(1, 2), ("side", "batch")):
        group = [row for row in rows if row["axis"] == axis]
        sizes = [row["size"] for row in group]
        panel.loglog(sizes, [row["seconds"] for row in group], "o-", color="#000000")
        panel.set(xlabel=f"image {axis}" if axis == "side" else axis, ylabel="seconds (solid)")
        panel.set_title(f"seconds ~ {axis}^{group[0]['exponent']:.2f}", fontsize="medium")
        panel.grid(alpha=0.3)
        memory = panel.twinx()
        memory.plot(sizes, [row["peak MB"] for row in group], "s--", color="#d55e00")
        memory.set_ylim(bottom=0)
        memory.set_ylabel("peak MB of the process (dashed)")
        panel.set_xticks(sizes, sizes)
        panel.minorticks_off()
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)

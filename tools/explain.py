"""`explain`: what the parts of a trained network make of one image, drawn for print."""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure  # pyplot would need a display and keep global state
from torch.nn import functional as F

from ..data.images import read_image, write_image
from ..data.resizing import quantised, resize, resize_map
from ..model.connectivity import neighbours
from ..model.layers import resize_like
from ..predictor import TorchPredictor, chosen_weights
from ..utils.checkpoint import load_network
from ..utils.files import atomic
from .options import ExplainOptions

WIDTH, DPI = 7.2, 300  # of the figure: inches, as wide as two columns of a page; dots an inch
STRIDES = {4: 32, 3: 16}  # of the deep feature that each attention reads, by the attention's number
STREAMS = ("normal", "reverse")
Panel = tuple[str, np.ndarray]  # a title, and H x W values from 0, black, to 1, white


def run(options: ExplainOptions) -> None:
    """Writes NAME.explain.png, the figure of all parts, and NAME.PART.png, each part at the image's size."""
    if len(options.image) != 1:
        raise ValueError(f"explain draws one image, not {len(options.image)}: name it before the options")
    path, output = Path(options.image[0]), Path(options.output)
    image, network = read_image(path), load_network(chosen_weights(options.model_path))
    rows = [[("image", image)], *([] for _ in STRIDES)]
    for row, parts in zip(rows, parts_of(TorchPredictor(*network, device="cpu"), image)):
        for name, (title, values) in parts.items():
            levels = quantised(resize_map(values, image.shape[:2]))
            row.append((title, levels))
            write_image(output / f"{path.stem}.{name}.png", levels)
    with atomic(output / f"{path.stem}.explain.png") as temporary:
        draw([row for row in rows if row]).savefig(temporary, dpi=DPI)
    print(f"{output / path.stem}.explain.png, and beside it each part as {path.stem}.PART.png")


def parts_of(predictor: TorchPredictor, image: np.ndarray) -> list[dict[str, Panel]]:
    """The parts that a network has, by name: a dict of map, contour and connectivity, then one of each attention.

    Args:
        image: H x W x 3 uint8, RGB.
    """
    side, outputs = predictor.img_size, {}
    hooks = [
        module.register_forward_hook(lambda *call, name=name: outputs.update({name: call[-1]}))
        for name, module in predictor.network.named_modules()
        if name in {f"rsa{number}.{layer}" for number in STRIDES for layer in ("gate", *STREAMS)}
    ]
    with torch.inference_mode():
        logits = predictor.network(torch.from_numpy(resize(image, side, side).transpose(2, 0, 1)[None]).float() / 255)
    for hook in hooks:
        hook.remove()
    focus = logits["mask"].sigmoid()
    first = {"map": ("map", focus[0, 0].numpy())}
    if "connectivity" in logits:
        connected = logits["connectivity"].sigmoid()
        first["contour"] = "contour", contour(connected)
        cells = np.insert(connected[0].numpy(), 4, first["contour"][1], axis=0)  # eight neighbours around their pixel
        rim = max(1, side // 100)
        cells = np.pad(cells, ((0, 0), (rim, rim), (rim, rim)), constant_values=1)
        mosaic = np.block([list(cells[i : i + 3]) for i in (0, 3, 6)])
        first["connectivity"] = "connectivity, 8 directions", mosaic
    return [first, *(attention_parts(outputs, focus, number) for number in STRIDES)]


def attention_parts(outputs: dict[str, torch.Tensor], focus: torch.Tensor, number: int) -> dict[str, Panel]:
    """Parts of an attention: its gate (the mean of all channels, and the channels that are most like the map and
    most unlike it) and its streams (means of absolute values, on one scale)."""
    streams = {name: outputs[f"rsa{number}.{name}"] for name in STREAMS if f"rsa{number}.{name}" in outputs}
    if not streams:
        return {}
    deep = next(iter(streams.values()))  # of the deep feature's size
    gate = resize_like(outputs[f"rsa{number}.gate"], deep).sigmoid()[0].numpy()
    small = F.interpolate(focus, deep.shape[-2:], mode="area").numpy()
    r = [np.corrcoef(x.ravel(), small.ravel())[0, 1] if x.std() and small.std() else 0 for x in gate]
    mean = gate.mean(0)
    low, high = mean.min(), mean.max()
    title = f"gate at stride {STRIDES[number]}, mean\n{low:.2f} to {high:.2f}"
    parts = {f"gate{number}": (title, (mean - low) / max(high - low, 1e-9))}
    for name, channel in (("like", int(np.argmax(r))), ("unlike", int(np.argmin(r)))):
        title = f"its channel {channel}\nr = {r[channel]:.2f} with the map"
        parts[f"gate{number}_{name}"] = title, gate[channel]
    strengths = {name: stream[0].abs().mean(0).numpy() for name, stream in streams.items()}
    most = max(1e-9, *(x.max() for x in strengths.values()))
    return parts | {f"{name}{number}": (f"{name} stream\n0 to {most:.2f}", x / most) for name, x in strengths.items()}


def contour(connected: torch.Tensor) -> np.ndarray:
    """H x W, by bilateral voting (BiconNet): the largest product of what a pixel and a neighbour say of each other,
    from 1 x 8 x H x W probabilities in the order of DIRECTIONS.
    """
    back = [neighbours(connected[:, 7 - d, None])[:, d] for d in range(8)]
    return (connected * torch.stack(back, 1))[0].amax(0).numpy()


def draw(rows: list[list[Panel]]) -> Figure:
    """A figure of rows of titles and images, here uint8 and all of one size."""
    columns, (height, width) = max(map(len, rows)), rows[0][0][1].shape[:2]
    share = min(1, 2 * DPI * WIDTH / columns / width)  # of an image's sides: twice what is printed is enough
    tall = WIDTH / columns * height / width + 0.35
    figure = Figure(figsize=(WIDTH, tall * len(rows)), layout="constrained")
    for row, axes in zip(rows, figure.subplots(len(rows), columns, squeeze=False)):
        for axis in axes:
            axis.set_axis_off()
        for axis, (title, levels) in zip(axes, row):
            axis.imshow(resize(levels, *(max(1, round(n * share)) for n in (width, height))), "gray", vmin=0, vmax=255)
            axis.set_title(title, fontsize=6.5)
    return figure

"""How memory grows with the number of pictures: whole commands on small generated ones."""

import tempfile
from pathlib import Path

from .common import in_child
from .startup import seconds

TITLE = "Growth with the number of pictures, 96 x 64, whole processes"
SMALL = "--device cpu --img_size 64 --batch_size 8"  # what is measured is not the network
COMMANDS = {  # by its counts of pictures, and its options; one may read what the one before it wrote
    "train": ((100, 1000), f"--arch resnet18 --pretrained none --epochs 1 --model_path {{room}}/run {SMALL}"),
    "test": ((100, 1000), f"--model_path ran_resnet18 --report False --output {{room}}/tested {SMALL}"),
    "predict": ((100, 1000), "{data}/SET/Test/images --device cpu --size 64 --output {room}/maps"),
    "evaluate": ((1000, 10_000), "--maps A={data}/SET/Test/maps --gt {data}/SET/Test/masks --output {room}/scored"),
    "report": ((1000, 10_000), "--scores {room}/scored --output {room}/report"),
}


def measure(device: str, repeats: int) -> list[dict]:
    """Seconds and peak memory of each command, by the processor, at two numbers of pictures."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted({count for counts, _ in COMMANDS.values() for count in counts}):
            data, room = Path(folder, f"data_{count}"), Path(folder, f"room_{count}")
            in_child(write_set, data, count)
            for name, (counts, options) in COMMANDS.items():
                if count in counts:
                    words = options.format(data=data, room=room).split()
                    words += ["--data_path", str(data)] if name in ("train", "test") else []
                    taken, peak = in_child(seconds, ["main.py", name, *words], 1)
                    rows.append({"what": name, "pictures": count, "seconds": taken, "peak MB": peak})
    order = list(COMMANDS)
    return sorted(rows, key=lambda row: order.index(row["what"]))


def write_set(folder: Path, count: int) -> None:
    """A dataset folder of so many pictures to train on and as many to test, and soft maps of those."""
    import cv2
    import numpy as np

    from ran.imaging.writing import write_png
    from ran.tools.sample import photograph

    picture = cv2.resize(photograph("coffee"), (96, 64), interpolation=cv2.INTER_AREA)
    mask = np.zeros((64, 96), np.uint8)
    mask[16:48, 20:60] = 255
    soft = cv2.GaussianBlur(mask, (0, 0), 4)
    for number in range(count):
        made = {"images": picture, "masks": mask, "maps": soft}
        for kind, array in made.items():
            for part in ["SET/Test"] + ["Train/SET"] * (kind != "maps"):
                write_png(folder / part / kind / f"{number:05d}.png", np.roll(array, number, axis=1))

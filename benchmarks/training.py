"""Training step at 384, batch 2, from data to updated weights; and the loader that feeds it."""

import tempfile
import time
from pathlib import Path

from .common import SIZE, in_child, made_up_data

TITLE = "Training step and loader, 384 x 384, batch 2"


def measure(device: str, repeats: int) -> list[dict]:
    """Seconds of a step of every network and mode, and samples a second of the loader beside what a step takes."""
    modes = [("off", False)] + ([("bf16", False), ("bf16", True)] if device == "cuda" else [])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data, _ = in_child(made_up_data, Path(folder), 2 * (repeats + 5))
        for arch in ("resnet18", "resnet50"):
            for amp, compiled in modes:
                seconds, peak = in_child(step_seconds, data, arch, device, amp, compiled, repeats)
                what = f"step, {arch}" + (f", {amp}" if amp != "off" else "") + (", compiled" if compiled else "")
                rows.append({"what": what, "seconds": seconds, "a second": 2 / seconds, "peak MB": peak})
        for what, cache_mb in (("loader, cached", 2048), ("loader, decoding each time", 0)):
            rate, peak = in_child(samples_a_second, data, cache_mb, 20 * repeats)
            rows.append({"what": what, "seconds": 2 / rate, "a second": rate, "peak MB": peak})
    return rows


def step_seconds(data: Path, arch: str, device: str, amp: str, compiled: bool, repeats: int) -> float:
    """Median seconds of the trainer's own steps with the default loader, on made-up encoder weights."""
    import torch
    import torchvision

    from ran.trainer import Trainer
    from ran.utils.interruption import StopSignals
    from ran.utils.options import TrainConfig
    from ran.utils.train_state import StepReader

    weights = data / f"{arch}.pth"
    torch.save(getattr(torchvision.models, arch)().state_dict(), weights)
    config = TrainConfig(
        data_path=str(data),
        model_path=str(data / f"run_{arch}_{amp}_{compiled}"),
        arch=arch,
        pretrained=str(weights),
        img_size=SIZE,
        device=device,
        amp=amp,
        compile=compiled,
        val_share=0,
    )
    trainer = Trainer(config)
    trainer.network.train()
    reader = StepReader(trainer.state, trainer.data.batches.counts, trainer.device, steps_may_be_skipped=False)
    seconds, stop, start = [], StopSignals(), time.perf_counter()
    for batch in trainer.data.train_loader:
        reader.add(batch["index"], trainer.train_step(batch))
        trainer.state.step += 1
        reader.read(stop)  # waits for the device
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    return sorted(seconds[-repeats:])[repeats // 2]


def samples_a_second(data: Path, cache_mb: int, count: int) -> float:
    """Augmented samples a second of the default loader, 2 processes: median of epochs after one that does not count.

    Files are read from the system's cache of a disk, as from the second epoch on.
    """
    from ran.dataloader import EpochBatches, TrainingSet, make_loader
    from ran.imaging.augmentation import paper_augmentation
    from ran.imaging.layouts import find_sets

    pairs = find_sets(str(data), "train", [])["SAMPLE"]
    pairs = (pairs * (count // len(pairs) + 1))[:count]
    batches = EpochBatches(count, 2, seed=0)
    loader = make_loader(TrainingSet(pairs, SIZE, paper_augmentation(), 0, cache_mb), 2, batch_sampler=batches)
    rates = []
    for batches.epoch in range(4):
        start = time.perf_counter()
        for _ in loader:
            pass
        rates.append(count / (time.perf_counter() - start))
    return sorted(rates[1:])[1]

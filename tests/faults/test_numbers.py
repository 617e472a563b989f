"""An image that vanishes, memory that is too short."""

import dataclasses

import pytest
import torch

from main import main
from ran.data.layouts import find_sets
from ran.dataloader import Samples, make_loader
from ran.trainer import Trainer


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_vanishes_is_named_without_a_stack_trace(dataset, tmp_path, workers):
    pairs = find_sets(str(dataset), "train", [])["SAMPLE"]
    gone = dataclasses.replace(pairs[0], image=tmp_path / "gone.jpg")
    with pytest.raises(ValueError) as error:
        list(make_loader(Samples([gone, *pairs[1:]], 64, train=True), workers))
    assert str(error.value).startswith(f"{gone.image}: not a readable image")
    assert "Traceback" not in str(error.value)


def test_too_little_memory_gives_what_to_try(config, monkeypatch, capsys):
    def step(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(Trainer, "train_step", step)
    words = [
        "--data_path",
        config.data_path,
        "--model_path",
        config.model_path,
        "--arch",
        config.arch,
        "--device",
        "cpu",
    ]
    assert main(["train", *words, "--pretrained", "none", "--img_size", "64", "--num_workers", "0"]) == 1
    said = "error: CUDA out of memory. Tried to allocate 20.00 GiB.\nTry a smaller --batch_size, --img_size or --tile\n"
    assert capsys.readouterr().err.endswith(said)

import re

import pytest
import torch

from ran.utils.device import choose_device, hardware, mixed_precision


def test_auto_finds_one_and_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cuda", "mps", "cpu")


@pytest.mark.parametrize("name, expected", [("cpu:0", "cpu:0"), (torch.device("cpu"), "cpu"), (None, "cuda"),
                                            ("cuda:1", "cuda:1"), ("cuda", "cuda"), ("auto", "cuda")])  # fmt: skip
def test_devices_by_their_names(monkeypatch, name, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device(name) == torch.device(expected)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("cuda") == choose_device("auto") == torch.device("cuda:1")
    assert choose_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="--device cuda:2: torch finds no such device here"):
        choose_device("cuda:2")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="--device cuda: 2 GPU.s. here, but torchrun started more processes"):
        choose_device("auto")


@pytest.mark.parametrize("name", ["gpu", "CPU", "xpu", "cuda:x", "", 1.5])
def test_other_words_get_a_sentence(name):
    with pytest.raises(ValueError, match=f"--device {name}: expected auto, cpu, cuda, cuda:1 or mps"):
        choose_device(name)


def test_a_missing_device_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="--device cuda"):
        choose_device("cuda")


def test_mixed_precision_is_off_where_nothing_is_gained():
    cpu = torch.device("cpu")
    assert mixed_precision("auto", cpu) is None and mixed_precision("off", cpu) is None
    assert mixed_precision("bf16", cpu) is torch.bfloat16
    with pytest.raises(ValueError, match="--amp fp16 needs CUDA"):
        mixed_precision("fp16", cpu)


def test_hardware_names_the_processor():
    assert re.fullmatch(r"\d+ cores of .+", hardware(torch.device("cpu")))

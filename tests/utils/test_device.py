import re

import pytest
import torch

from ran.utils.device import choose_device, hardware, mixed_precision


def test_auto_finds_one_and_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cuda", "mps", "cpu")


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

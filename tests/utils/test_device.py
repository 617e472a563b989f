import re
from pathlib import Path

import pytest
import torch

from ran.utils.device import choose_device, hardware, is_mixed


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("local_rank, name, expected", [
    (None, "cpu", "cpu"), (None, "cpu:0", "cpu:0"), (None, torch.device("cpu"), "cpu"), (None, None, "cuda"),
    (None, "auto", "cuda"), (None, "cuda", "cuda"), (None, "cuda:1", "cuda:1"), ("1", "cuda", "cuda:1"),
    ("1", "auto", "cuda:1"), ("1", "cuda:0", "cuda:0"), ("1", "cpu", "cpu"),
])  # fmt: skip
def test_devices_by_their_names(two_gpus, monkeypatch, local_rank, name, expected):
    if local_rank:
        monkeypatch.setenv("LOCAL_RANK", local_rank)
    assert choose_device(name) == torch.device(expected)


@pytest.mark.parametrize("name", ["cuda:2", "auto", "mps", "gpu", "CPU", "xpu", "cuda:x", "", 1.5])
def test_others_are_refused_by_name(two_gpus, monkeypatch, name):
    monkeypatch.setenv("LOCAL_RANK", "2")  # torchrun started three processes
    message = f"--device {'cuda' if name == 'auto' else name}: (torch finds no such device here|expected auto, cpu)"
    with pytest.raises(ValueError, match=message):
        choose_device(name)


@pytest.mark.parametrize("has_mps, auto", [(True, "mps"), (False, "cpu")])  # True as on macOS
def test_a_missing_device_is_refused_and_auto_does_without(monkeypatch, has_mps, auto):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert choose_device("auto") == torch.device(auto)
    with pytest.raises(ValueError, match="--device cuda: torch finds no such device here"):
        choose_device("cuda")


@pytest.mark.parametrize("amp, device, has_bf16, expected", [
    ("off", "cuda", True, False), ("auto", "cuda", True, True), ("auto", "cuda", False, False),
    ("auto", "cpu", True, False), ("bf16", "cpu", False, True),
])  # fmt: skip
def test_mixed_precision_is_off_where_nothing_is_gained(monkeypatch, amp, device, has_bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or has_bf16)
    assert is_mixed(amp, torch.device(device)) is expected


def test_hardware_names_the_processor():
    known = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else hardware(torch.device("cpu"))
    assert re.fullmatch(r"\d+ cores of (.+)", hardware(torch.device("cpu")))[1] in known

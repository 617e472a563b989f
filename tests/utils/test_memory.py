import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ran.utils.memory import explain_dead_workers, explain_out_of_memory, peak_memory


def test_a_lack_of_memory_is_reported_and_nothing_else():
    def out_of_memory():
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    def out_of_threads():
        raise RuntimeError("can't start new thread")

    for work in (
        out_of_memory,
        out_of_threads,
        lambda: np.empty(2**55),
        lambda: cv2.resize(np.zeros((9, 9, 4)), (30000, 2**28)),
    ):
        with pytest.raises(ValueError, match="not enough memory: take less"), explain_out_of_memory("take less"):
            work()
    with pytest.raises(RuntimeError, match="another"), explain_out_of_memory("take less"):
        raise RuntimeError("another fault")


def test_a_loader_process_that_died_for_want_of_memory_is_no_shortage_of_the_step_at_hand():
    said = "DataLoader worker (pid 7) is killed by signal: Bus error. Perhaps workers are out of shared memory."
    with (
        pytest.raises(ChildProcessError, match="fewer --num_workers"),
        explain_dead_workers(),
        explain_out_of_memory("smaller"),
    ):
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="something else"), explain_dead_workers():
        raise RuntimeError("something else")


def test_peak_memory_is_said_in_gigabytes(monkeypatch):
    phrase = peak_memory(torch.device("cpu"))
    held = os.sysconf("SC_PAGE_SIZE") * int(Path("/proc/self/statm").read_text().split()[1]) / 1e9  # at the moment
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    assert 0.8 * held < float(phrase.removeprefix("; peak memory ").removesuffix(" GB")) < whole
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 2_340_000_000)
    assert peak_memory(torch.device("cuda")) == "; peak memory 2.3 GB on the GPU"
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert peak_memory(torch.device("cpu")) == ""

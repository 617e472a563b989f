import cv2
import numpy as np
import pytest

from ran.utils.memory import deaths_told, shortage_told


def test_a_lack_of_memory_is_told_and_nothing_else():
    def out_of_memory():
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    for work in (out_of_memory, lambda: np.empty(2**55), lambda: cv2.resize(np.zeros((9, 9, 4)), (30000, 2**28))):
        with pytest.raises(ValueError, match="not enough memory: take less"), shortage_told("take less"):
            work()
    with pytest.raises(RuntimeError, match="another"), shortage_told("take less"):
        raise RuntimeError("another fault")


def test_a_loader_process_that_died_for_want_of_memory_is_no_shortage_of_the_step_at_hand():
    said = "DataLoader worker (pid 7) is killed by signal: Bus error. Perhaps workers are out of shared memory."
    with pytest.raises(ChildProcessError, match="fewer --num_workers"), deaths_told(), shortage_told("smaller"):
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="something else"), deaths_told():
        raise RuntimeError("something else")

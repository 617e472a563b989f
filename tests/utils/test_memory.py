import cv2
import numpy as np
import pytest

from ran.utils.memory import explain_dead_workers, explain_out_of_memory


def test_a_lack_of_memory_is_reported_and_nothing_else():
    def out_of_memory():
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    for work in (out_of_memory, lambda: np.empty(2**55), lambda: cv2.resize(np.zeros((9, 9, 4)), (30000, 2**28))):
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

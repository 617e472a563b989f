"""What is loaded here goes on working in processes that are forked from this one."""

import os
import sys
import weakref
from functools import cache
from typing import Any

_sessions: weakref.WeakSet = weakref.WeakSet()
_inherited: list = []


def work_in_forks(session: Any = None) -> None:
    """Lets what is loaded here work in processes forked from this one: by one thread, the others stay behind.

    Args:
        session: of onnxruntime.
    """
    if session is not None:
        _sessions.add(session)
    _register_once()


@cache
def _register_once() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_go_on_in_one_thread)


def _go_on_in_one_thread() -> None:
    if torch := sys.modules.get("torch"):  # which onnxruntime does without
        torch.set_num_threads(1)  # OpenMP would wait for its threads for ever
    _inherited.extend(_sessions)  # so would a session for its own, when it is freed

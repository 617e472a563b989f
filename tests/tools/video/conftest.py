import pytest

from ran.tools.video import command
from tests.tools.video.clips import Bright


@pytest.fixture
def bright(monkeypatch):
    monkeypatch.setattr(command, "load_model", lambda *_: Bright())

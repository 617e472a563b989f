"""Every kind of list, stream and changed folder through predict, as docs/errors.md says."""

import io
import re

import pytest
import torch

from ran import predictor
from tests.faults import corpus
from tests.faults.carrying_out import loaded, run
from tests.faults.inputs import INPUTS
from tests.faults.making import JPEG_PLAIN


@pytest.mark.parametrize("one", INPUTS, ids=lambda one: one.kind)
def test_inputs(one, tmp_path, run_folder, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(predictor, "load_model", loaded)
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    for name in ("100CANON", "101CANON"):
        (shoot / name).mkdir(parents=True)
        (shoot / name / "IMG_1.JPG").write_bytes(JPEG_PLAIN)
    more = ("--model_path", run_folder, "--device", "cpu", "--output", out)
    if one.change:
        assert run("predict", shoot, *more, "--overlay")[0] == 0
        one.change(shoot)
    words, data = one.give(shoot)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    status, output, error = run("predict", *words, *more)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.png")} == set(one.maps)
    assert re.search(one.message.replace("(s)", r"\(s\)"), output)
    if one.outcome.startswith("read"):
        assert status == 0, error
    else:
        assert status == 1 and corpus.matches(one.outcome, error)

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ran.hub import HubPredictor
from ran.predictor import load_model
from ran.utils.checkpoint import load_network


def test_saved_and_loaded_from_a_folder_it_is_the_same_and_no_device_is_stored(run_folder, tmp_path, monkeypatch):
    """Saved on one machine, it computes on what another one has."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    HubPredictor(*load_network(run_folder), torch.device("cpu")).save_pretrained(tmp_path / "shared")
    card, stored = ((tmp_path / f"shared/{name}").read_text() for name in ("README.md", "config.json"))
    assert "library_name: ran" in card and "HubPredictor.from_pretrained(" in card
    about = json.loads(stored)
    assert (about["network"]["arch"], about["img_size"], about["training"]["datasets"]) == ("tiny", 64, ["SAMPLE"])
    assert "device" not in stored
    ours, theirs = load_model(run_folder, "cpu"), HubPredictor.from_pretrained(tmp_path / "shared", device="cpu")
    assert theirs.metadata == ours.metadata
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    for other in (theirs, load_model(tmp_path / "shared", "cpu")):
        assert (other.probabilities(images) == ours.probabilities(images)).all()
    chosen = []
    monkeypatch.setattr("ran.utils.device.choose_device", lambda name: chosen.append(name) or torch.device("cpu"))
    HubPredictor.from_pretrained(tmp_path / "shared")
    HubPredictor.from_pretrained(tmp_path / "shared", device="cuda:1")
    assert chosen == [None, "cuda:1"]


@pytest.mark.slow
def test_torch_hub_loads_it_from_a_folder(tmp_path):
    """In a process that knows no `ran`, from another folder."""
    code = (
        "import sys, numpy, torch; sys.path = [p for p in sys.path if p != sys.argv[1]]\n"
        "predictor = torch.hub.load(sys.argv[1], 'ran', source='local', weights='ran_resnet18', device='cpu')\n"
        "print(predictor(numpy.zeros((40, 60, 3), 'uint8'), size=64).shape, sys.modules['ran'].__file__)"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"(40, 60) {root / '__init__.py'}" in done.stdout, done.stderr

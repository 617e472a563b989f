import torch

from ran.hub import HubPredictor
from ran.predictor import load_model
from ran.utils.checkpoint import load_network


def test_saved_and_loaded_from_a_folder_it_is_the_same(run_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    HubPredictor(*load_network(run_folder), torch.device("cpu")).save_pretrained(tmp_path / "shared")
    assert (tmp_path / "shared/README.md").exists()
    ours, theirs = load_model(run_folder, "cpu"), HubPredictor.from_pretrained(tmp_path / "shared", device="cpu")
    assert theirs.metadata == ours.metadata
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    assert (theirs.probabilities(images) == ours.probabilities(images)).all()
    load_model(tmp_path / "shared/model.safetensors", "cpu")

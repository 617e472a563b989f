import numpy as np
import pytest
import torch

from predictor import load_model, load_network
from utils.checkpoint import read_weights, save_weights


def test_a_run_folder_and_its_file_give_the_same_maps(run_folder):
    folder, file = (load_model(path, "cpu") for path in (run_folder, run_folder / "best_model.safetensors"))
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    maps = folder.maps(images, [(50, 70), (200, 31)])
    assert [m.shape for m in maps] == [(50, 70), (200, 31)]
    assert all(m.dtype == np.uint8 for m in maps)
    assert all(np.array_equal(a, b) for a, b in zip(maps, file.maps(images, [(50, 70), (200, 31)])))
    assert folder.img_size == 64 and not folder.network.training


def test_map_is_the_resized_probability(run_folder):
    predictor = load_model(run_folder, "cpu")
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        probability = predictor.network(images / 255)["mask"].sigmoid()[0, 0].numpy()
    assert np.array_equal(predictor.maps(images, [(64, 64)])[0], np.round(255 * probability).astype(np.uint8))


def test_weights_that_do_not_fit_their_network_are_refused(run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    state.pop("reduce1.weight")
    save_weights(tmp_path / "cut.safetensors", state, metadata)
    with pytest.raises(ValueError, match="do not fit"):
        load_network(tmp_path / "cut.safetensors")

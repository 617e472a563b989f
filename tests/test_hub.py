import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest

import ran
from ran.predictor import load_model
from ran.tester import Tester
from ran.utils.options import TestConfig as EvaluationConfig
from ran.utils.weight_files import WEIGHTS, exported, named


def test_weights_come_from_the_hub_or_a_sentence_says_why_not(run_folder, dataset, tmp_path, monkeypatch):
    """`hf upload USER/NAME best_model.safetensors` puts them there."""
    monkeypatch.setattr("ran.utils.weight_files.CACHE", tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name, reason in (("user/name", "could be downloaded"), ("../../name", "could be downloaded .*epo id")):
        with pytest.raises(OSError, match=f"^hf://{name}: no best_model.safetensors {reason}"):
            load_model(f"hf://{name}")

    def download(name: str, file: str, local_dir: Path) -> None:
        local_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_folder / file, local_dir)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    ours, image = load_model(run_folder, "cpu"), np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(ran.load_model("hf://user/name", "cpu")(image), ours(image))
    assert (tmp_path / "user/name/best_model.safetensors").is_file()
    options = EvaluationConfig(model_path="hf://user/name", data_path=str(dataset), device="cpu")
    assert Tester(options).folder == Path("runs/shipped/name")
    shipped, file = Path(os.path.relpath(WEIGHTS / "ran_photos.safetensors")), run_folder / "best_model.onnx"
    files = [exported(weights) for weights in (named("hf://user/name"), shipped, run_folder)]
    assert files == [Path("best_model.onnx"), Path("ran_photos.onnx"), file]
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match="^hf://user/name needs another package: pip install huggingface_hub"):
        load_model("hf://user/name")


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

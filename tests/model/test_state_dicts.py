"""Weights of an encoder as others save them, and files that are none."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ran.model import Encoder
from ran.model.state_dicts import TRAINING
from ran.utils.checkpoint import load_network, save_state
from ran.utils.weight_files import WEIGHTS

CODE = "it holds code, perhaps a whole network: save its state_dict"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return Encoder("resnet18").backbone.state_dict()


def prefixed(state: dict, prefix: str) -> dict:
    return {f"{prefix}{name}": value for name, value in state.items()}


def zeros(state: dict) -> dict:
    return {name: value * 0 for name, value in state.items()}


READ = {  # name of the file, how it is written, and what is said of it
    "as torch saves tensors": ("w.pth", torch.save, ""),
    "without a suffix": ("w", torch.save, ""),
    "safetensors": ("w.safetensors", save_file, ""),
    **{f"names behind {prefix}": (
        "w.pt", lambda state, path, p=prefix: torch.save(prefixed(state, p), path), f"names behind '{prefix}'")
       for prefix in ("module.", "backbone.", "encoder.", "model.", "_orig_mod.", "module._orig_mod.")},
    **{f"tensors in {key}": (
        "w.pt", lambda state, path, key=key: torch.save({key: state, "epoch": 3}, path), f"from its {key}")
       for key in ("state_dict", "model", "model_state_dict", "net")},
    "both": ("w.ckpt", lambda state, path: torch.save({"state_dict": prefixed(state, "model.")}, path),
             "from its state_dict by names behind 'model.'"),
    "means beside the model": ("w.pt", lambda state, path: torch.save({"ema": zeros(state), "model": state}, path),
                               "from its model"),
}  # fmt: skip
REFUSED = {
    "last.pt of a run": ("last.pt", lambda state, path: save_state(path, dict.fromkeys(TRAINING, 0)),
                         "a training state; the weights lie in best_model.safetensors beside it"),
    "tensors of something else": ("w.pth", lambda _, path: torch.save({"a": torch.zeros(1)}, path), "0 of the 100"),
    "a tensor called state_dict": ("w.pt", lambda _, path: torch.save({"state_dict": torch.ones(1)}, path), "0 of the"),
    "a whole network": ("w.pth", lambda _, path: torch.save(torch.nn.Conv2d(3, 3, 1), path), CODE),
    "TorchScript": ("w.pt", lambda _, path: torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(str(path)), CODE),
    "an empty file": ("w.pt", lambda _, path: path.write_bytes(b""), "not a readable"),
    "text": ("w.safetensors", lambda _, path: path.write_text("no weights"), "not a readable"),
    "no file": ("w.pt", lambda *_: None, "no such weights file"),
}  # fmt: skip


@pytest.mark.parametrize("name, write, said", READ.values(), ids=READ)
@pytest.mark.filterwarnings("ignore:.*weights taken")
def test_weights_are_found_where_others_put_them(name, write, said, state, tmp_path, recwarn):
    write(state, path := tmp_path / name)
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(path)) == []
    loaded = encoder.backbone.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    warned = [str(warning.message) for warning in recwarn if "taken" in str(warning.message)]
    assert len(warned) == bool(said) and (not said or re.search(rf"^{path}: weights taken .*{said}", warned[0]))


@pytest.mark.parametrize("name, write, reason", REFUSED.values(), ids=REFUSED)
def test_what_is_no_weights_is_refused_with_its_name(name, write, reason, state, tmp_path):
    write(state, path := tmp_path / name)
    with pytest.raises((ValueError, OSError), match=f"^{re.escape(str(path))}: .*{re.escape(reason)}"):
        Encoder("resnet18").load_pretrained(str(path))
    known = "not a readable|not weights|no such|a training state"
    with pytest.raises((ValueError, OSError), match=f"^{re.escape(str(path))}: ({known})"):
        load_network(path)


def test_an_encoder_starts_from_that_of_a_trained_network():
    encoder, path = Encoder("resnet18"), WEIGHTS / "ran_resnet18.safetensors"
    with pytest.warns(UserWarning, match="by names behind 'encoder.backbone.'"):
        assert encoder.load_pretrained(str(path)) == []
    stored = load_network(Path(path))[0].state_dict()["encoder.backbone.conv1.weight"]
    assert torch.equal(encoder.backbone.conv1.weight, stored)

"""Weights as others save them, and files that are none, with what becomes of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from ran.utils.checkpoint import save_state, save_weights

State = dict[str, torch.Tensor]
ENCODER, MODEL = "--pretrained", "--model_path, --weights"  # the options that take them
TAKEN, NOT_OURS, UNREADABLE = "read: itself", "refused: not weights that `train` wrote", "refused: not a readable"

CODE = "refused: it holds code, perhaps a whole network: save its state_dict"


@dataclass(frozen=True)
class Weights:
    """A file made of a network's tensors (of an encoder's, where it is given as one) and the metadata of `train`.

    Attributes:
        name: the file's name.
        write: writes it, of (path, tensors, metadata).
        outcomes: by option: "read: ..." and what is printed, or "refused: ..." and a part of the sentence.
    """

    kind: str
    name: str
    write: Callable[[Path, State, dict], object]
    outcomes: dict[str, str]


def both(outcome: str, model: str = "") -> dict[str, str]:
    return {ENCODER: outcome, MODEL: model or outcome}


def taken(place: str) -> dict[str, str]:
    """What both options say of weights that lie elsewhere in a torch file than where they are looked for first."""
    return both(f"read: weights taken{place}", f"read: weights taken{place}, as of a network like that of ran_resnet18")


def prefixed(chain: str, state: State) -> State:
    return {f"{chain}{name}": value for name, value in state.items()}


def wrapped(wrapper: str, chain: str = "") -> Callable[[Path, State, dict], object]:
    return lambda path, state, _: torch.save({wrapper: prefixed(chain, state), "epoch": 3}, path)


def under(chain: str) -> Callable[[Path, State, dict], object]:
    return lambda path, state, _: torch.save(prefixed(chain, state), path)


def with_averages(path: Path, state: State, _: dict) -> None:
    torch.save({"ema": {name: value * 0 for name, value in state.items()}, "model": state}, path)


def training_state(path: Path, state: State, _: dict) -> None:
    save_state(path, {"config": {}, "model": {}, "network": state, "optimizer": {}, "history": [], "names": []})


WEIGHTS = (
    Weights("tensors by name, as torch saves them", "w.pth", under(""), both(TAKEN, taken("")[MODEL])),
    Weights("the same without a suffix", "w", under(""), both(TAKEN, taken("")[MODEL])),
    Weights("safetensors without metadata", "w.safetensors", lambda path, state, _: save_file(state, path),
            both(TAKEN, taken("")[MODEL])),
    *(Weights(f"names behind {chain}", "w.pt", under(chain), taken(f" by names behind '{chain}'"))
      for chain in ("module.", "backbone.", "encoder.", "model.", "_orig_mod.", "module._orig_mod.")),
    Weights("safetensors of `train`, names behind module.", "w.safetensors",
            lambda path, state, metadata: save_weights(path, prefixed("module.", state), metadata),
            both("read: weights taken by names behind 'module.'")),
    *(Weights(f"tensors in {wrapper}", "w.pt", wrapped(wrapper), taken(f" from its {wrapper}"))
      for wrapper in ("state_dict", "model", "model_state_dict", "net")),
    Weights("tensors in state_dict, names behind model.", "w.ckpt", wrapped("state_dict", "model."),
            taken(" from its state_dict by names behind 'model.'")),
    Weights("tensors in model, their means in ema", "w.pt", with_averages, taken(" from its model")),
    Weights("last.pt of a run", "last.pt", training_state,
            both("refused: a training state; the weights lie in best_model.safetensors beside it")),
    Weights("tensors of something else", "w.pth", lambda path, *_: torch.save({"a": torch.zeros(1)}, path),
            both("refused: 0 of the 100 tensors of a resnet18 encoder; missing: conv1.weight, ", NOT_OURS)),
    Weights("a tensor called state_dict", "w.pt", lambda path, *_: torch.save({"state_dict": torch.zeros(1)}, path),
            both("refused: 0 of the 100 tensors of a resnet18 encoder; missing: conv1.weight, ", NOT_OURS)),
    Weights("whole network, as torch.save(network) writes it", "w.pth",
            lambda path, *_: torch.save(torch.nn.Conv2d(3, 3, 1), path), both(CODE)),
    Weights("TorchScript", "w.pt", lambda path, *_: torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(str(path)),
            both(CODE)),
    Weights("empty file", "w.pt", lambda path, *_: path.write_bytes(b""), both(UNREADABLE)),
    Weights("text", "w.safetensors", lambda path, *_: path.write_text("no weights"), both(UNREADABLE)),
    Weights("no file", "w.pt", lambda path, *_: None, both("refused: no such weights file")),
)  # fmt: skip

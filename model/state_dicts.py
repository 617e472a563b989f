"""Tensors by name, as others save them: in a wrapper, with something before their names."""

import warnings
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import load_file

warnings.filterwarnings("ignore", ".*TorchScript archive")  # which is refused in words
# In which order they are tried; "" is the file itself, and a name that begins as the network's own.
WRAPPERS = ("", "state_dict", "model", "model_state_dict", "net", "ema")
PREFIXES = ("", "module.", "backbone.", "encoder.", "model.", "_orig_mod.")
CHAINS = tuple(dict.fromkeys("".join(chain) for chain in product(PREFIXES, repeat=3)))
TRAINING = {"network", "optimizer", "history"}  # parts of what `train` keeps to go on from


def read_state_dict(path: str | Path) -> dict:
    """Reads a .safetensors file, or a torch file without ever unpickling code; for `fitting`.

    Raises:
        FileNotFoundError, ValueError: no such file, not a readable one, or a training's state.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    state: object
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise many kinds for a damaged or hostile file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if "Weights only load failed" in reason or "TorchScript" in reason:
            reason = "it holds code, perhaps a whole network: save its state_dict() alone"
        raise ValueError(f"{path}: not a readable weights file ({reason})") from None
    state = state if isinstance(state, dict) else {}
    if state.keys() >= TRAINING:
        raise ValueError(f"{path}: a training state; the weights lie in best_model.safetensors beside it")
    return state


def fitting(state: dict, names: Iterable[str]) -> tuple[dict[str, torch.Tensor], str]:
    """Finds a network's tensors in a file: where most of its names are; of several places the first in the tables.

    Args:
        state: what read_state_dict gave.
        names: of the network's tensors.

    Returns:
        All tensors of that place, by names as the network's; and in words where that is, empty for the file itself.
    """
    names, best, most = list(names), ("", ""), 0
    for wrapper in WRAPPERS:
        inner = state.get(wrapper) if wrapper else state
        if isinstance(inner, dict):
            own = {name for name, value in inner.items() if isinstance(name, str) and isinstance(value, torch.Tensor)}
            for chain in CHAINS:
                if most < len(names) and any(name.startswith(chain) for name in own):
                    count = sum(chain + name in own for name in names)
                    if count > most:
                        best, most = (wrapper, chain), count
    wrapper, chain = best
    found = {
        name.removeprefix(chain): value
        for name, value in (state[wrapper] if wrapper else state).items()
        if isinstance(name, str) and isinstance(value, torch.Tensor) and name.startswith(chain)
    }
    return found, f" from its {wrapper}" * bool(wrapper) + f" by names behind {chain!r}" * bool(chain)

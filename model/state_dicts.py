"""State dicts of other projects."""

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present


def read_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """Reads a .safetensors file, or a torch file without ever unpickling code.

    The tensors may lie under "state_dict" or "model" in the file, with "module." before their names.

    Raises:
        FileNotFoundError, ValueError: no such file, or it is not readable.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TorchScript, which is refused below
            is_torch = path.suffix != ".safetensors"
            state: Any = torch.load(path, map_location="cpu", weights_only=True) if is_torch else load_file(path)
    except Exception as error:  # the readers raise many kinds for a damaged or hostile file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if "Weights only load failed" in reason or "TorchScript" in reason:
            reason = "it holds code, perhaps a whole network: save its state_dict() alone"
        raise ValueError(f"{path}: not a readable weights file ({reason})") from None
    state = state if isinstance(state, dict) else {}
    state = next((state[key] for key in ("state_dict", "model") if isinstance(state.get(key), dict)), state)
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    consume_prefix_in_state_dict_if_present(tensors, "module.")
    return tensors

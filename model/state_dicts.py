"""State dicts as others save them: in a wrapper, or with prefixes before the names."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # keys of files that hold more than tensors
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.")
TRAINING = {"network", "optimizer", "history"}  # keys of last.pt, from which `train` resumes


def read_state_dict(path: str | Path) -> dict:
    """Reads a .safetensors file, or a torch file without ever unpickling code; for `fitting`.

    Raises FileNotFoundError, or ValueError for what is not readable or is a training's state.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TorchScript, which is refused below
            is_torch = path.suffix != ".safetensors"
            state = torch.load(path, map_location="cpu", weights_only=True) if is_torch else load_file(path)
    except Exception as error:  # the readers raise many kinds for a damaged or hostile file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if "Weights only load failed" in reason or "TorchScript" in reason:
            reason = "it holds code, perhaps a whole network: save its state_dict() alone"
        raise ValueError(f"{path}: not a readable weights file ({reason})") from None
    state = state if isinstance(state, dict) else {}
    if state.keys() >= TRAINING:
        raise ValueError(f"{path}: a training state; the weights lie in best_model.safetensors beside it")
    return state


def fitting(state: dict, names: Iterable[str], source: str) -> dict[str, torch.Tensor]:
    """The tensors in the first of WRAPPERS, or of the file, without the PREFIXES that keep their names from `names`.

    Warns of what it did, with the name of the source. Two tensors of one shortened name are a ValueError.
    """
    names, tensors, behind = set(names), {}, ""
    wrapper = next((key for key in WRAPPERS if isinstance(state.get(key), dict)), "")
    for full, value in (state[wrapper] if wrapper else state).items():
        if isinstance(full, str) and isinstance(value, torch.Tensor):
            name = full
            while name not in names and name.startswith(PREFIXES):
                name = name.partition(".")[2]
            if name in names and name in tensors:
                raise ValueError(f"{source}: {name} occurs twice, once as {full}: save one network alone")
            if name in names and name != full:
                behind = f" without the prefix {full.removesuffix(name)!r}"
            tensors[name] = value
    if wrapper or behind:
        warnings.warn(f"{source}: weights read{f' from its {wrapper}' * bool(wrapper)}{behind}", stacklevel=3)
    return tensors

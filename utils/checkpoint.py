"""Weights (safetensors with metadata) and training states: written whole, never unpickled."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .config import TrainConfig
from .files import atomic, write_bytes

BEST = "best_model.safetensors"
LAST = "last.pt"
# Options about a machine and its folders, not about the recipe.
LOCAL = {"data_path", "model_path", "num_workers", "device", "compile", "cache_mb", "resume"}
# Options that may differ between a run and its resumption, since nothing that is computed depends on them.
FREE_ON_RESUME = LOCAL | {"epochs", "early_stop", "pretrained", "weights"}


def recipe(config: TrainConfig) -> dict:
    """What of a training's options is stored with its weights: no folders of this machine, of files their names."""
    stored = {key: value for key, value in dataclasses.asdict(config).items() if key not in LOCAL}
    return stored | {key: Path(stored[key]).name for key in ("pretrained", "weights")}


def save_weights(path: Path, state: dict[str, torch.Tensor], metadata: dict) -> None:
    """Writes a state dict with metadata whose values are anything JSON can hold."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    write_bytes(path, save(tensors, {key: json.dumps(value) for key, value in metadata.items()}))


def read_weights(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Reads weights of this project: a .safetensors file, or a run folder's best model.

    Returns:
        State dict and metadata: "model" (the network's options), "config" (see recipe), "epoch", "val_mae".

    Raises:
        FileNotFoundError, ValueError: no such file, or not one that `train` wrote.
    """
    path = Path(path)
    if path.is_dir():
        path = path / BEST
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file; `python main.py train` writes one into its run folder")
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: not a readable safetensors file of this project ({error})") from None
    if not {"model", "config"} <= metadata.keys():
        raise ValueError(f"{path}: not weights that `train` wrote: its metadata lacks the network's options")
    return state, metadata


def save_state(path: Path, state: dict) -> None:
    with atomic(path) as temporary:
        torch.save(state, temporary)


def read_state(path: Path) -> dict:
    """Reads what save_state wrote, on the CPU.

    Raises:
        ValueError: damaged, or not such a file.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        raise ValueError(f"{path}: not a readable training state ({str(error).splitlines()[0]})") from None


def state_to_resume(folder: Path, config: dict) -> dict | None:
    """The training state in a run folder that a training with this config goes on from, or None for a fresh start.

    Raises:
        ValueError: the folder holds a run that was not to be resumed, or one of another recipe.
    """
    path = folder / LAST
    present = [name for name in (LAST, BEST) if (folder / name).exists()]
    if not config["resume"]:
        if present:
            raise ValueError(
                f"{folder} already holds a run ({present[0]}): --resume goes on with it, "
                "another --model_path starts a new one"
            )
        return None
    if not path.exists():
        print(f"nothing to resume in {folder}: starting fresh")
        return None
    state = read_state(path)
    # An option that is newer than the run had its default; precision was full before it was one.
    stored = dataclasses.asdict(TrainConfig()) | {"amp": "off"} | state["config"]
    differing = [k for k in config if k not in FREE_ON_RESUME and stored[k] != config[k]]
    if differing:
        options = ", ".join(f"--{k} {stored[k]} (now {config[k]})" for k in differing)
        raise ValueError(f"{path} was trained with {options}: resume with the same options")
    return state

"""Weights (safetensors with metadata) and training states: written whole, never unpickled."""

import dataclasses
import io
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..model import RAN, make_network
from ..model.state_dicts import fitting, read_state_dict
from .command_line import as_typed, names
from .device import hardware
from .files import write_bytes
from .options import TrainConfig
from .train_state import TrainState
from .weight_files import BEST, LAST, WEIGHTS, check_hash, image_size, named, weights_in

LOCAL = names(TrainConfig, "local")  # options that weights do not store
FREE_ON_RESUME = names(TrainConfig, "free")  # that may differ between a run and its resumption


def recipe(config: TrainConfig) -> dict:
    """The options that are stored with the weights: no folders of this machine; of files, only their names."""
    stored = {key: value for key, value in dataclasses.asdict(config).items() if key not in LOCAL}
    return stored | {key: Path(stored[key]).name for key in ("pretrained", "weights")}


def save_weights(path: Path, state: dict[str, torch.Tensor], metadata: dict) -> None:
    """Writes a state dict with metadata whose values are anything JSON can hold."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    write_bytes(path, save(tensors, {key: json.dumps(value) for key, value in metadata.items()}))


def read_weights(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Reads weights of this project: a .safetensors file, a run folder's best model, or a shipped model by its name.

    A torch file, or one without metadata, is taken where its tensors are those of a shipped model's network.

    Returns:
        State dict and metadata: "model" (the network's options), "config" (see recipe), "epoch", "val_mae" (None
        where nothing validated), "hardware", "seconds", "before" (the same of the trainings that it started from, the
        first one first), and "diverged" where the training went back once.

    Raises:
        FileNotFoundError, ValueError: no such file, not one that `train` wrote, or not that of the hash beside it.
    """
    path = weights_in(named(path))
    if not path.is_file():
        shipped = ", ".join(sorted(known.stem for known in WEIGHTS.glob("*.safetensors")))
        raise FileNotFoundError(
            f"{path}: no such weights file; `{as_typed('train')}` writes one into its run folder, "
            f"and the repository has {shipped}"
        )
    check_hash(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, json.JSONDecodeError) as error:
        if path.suffix == ".safetensors":
            raise ValueError(f"{path}: not a readable safetensors file of this project ({error})") from None
        state, metadata = read_state_dict(path), {}
    if all(isinstance(metadata.get(part), dict) for part in ("model", "config")):
        return state, metadata
    return _as_shipped(path, state)


def _as_shipped(path: Path, state: dict) -> tuple[dict[str, torch.Tensor], dict]:
    """Weights that do not say what network they are of: a shipped model's, if names and shapes are the same.

    Raises:
        ValueError: they are not.
    """
    models = sorted(WEIGHTS.glob("*.safetensors"), reverse=True)  # ran_photos before ran_lite2, the same network
    for model in models:
        with safe_open(model, "pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (not a dict)
            found, place = fitting(state, shapes)
            if {name: list(value.shape) for name, value in found.items()} == shapes:
                known = {part: json.loads(file.metadata()[part]) for part in ("model", "config")}
                sizes = {key: known["config"][key] for key in ("img_size", "test_size")}
                print(f"{path}: weights taken{place}, as of a network like that of {model.stem}")
                return found, {"model": known["model"], "config": sizes}
    raise ValueError(
        f"{path}: not weights that `train` wrote: its metadata lacks the network's options, and its tensors are not "
        f"those of {', '.join(model.stem for model in models)}"
    )


def load_network(path: str | Path) -> tuple[RAN, dict]:
    """Network and metadata from a .safetensors file or a run folder, on the CPU.

    Raises:
        FileNotFoundError, ValueError: see read_weights; also weights that do not fit the network they name.
    """
    state, metadata = read_weights(path)
    try:
        with torch.device("cpu"):  # whatever device and type the caller made torch's default
            network = make_network(**metadata["model"]).float()
        state, place = fitting(state, network.state_dict())
        network.load_state_dict(state)
        image_size(metadata)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its weights do not fit the network it names ({error})") from None
    if place:
        print(f"{path}: weights taken{place}")
    return network, metadata


def training_metadata(
    config: TrainConfig, model: dict, state: TrainState, sets: list[str], device: torch.device
) -> dict:
    """What is stored with a training's weights, see read_weights."""
    last = state.history[-1]
    return {
        "model": model,
        "config": recipe(config) | {key: value for key, value in model.items() if key != "encoder_norm"},
        "datasets": sets,
        "torch": torch.__version__,
        "epoch": last["epoch"],
        "val_mae": last.get("val_mae"),
        "hardware": hardware(device),
        "seconds": round(sum(row["seconds"] for row in state.history)),
        "before": state.before,
        **({"diverged": state.retreat} if state.retreat else {}),
    }


def random_state(device: torch.device) -> dict:
    """Torch's random state."""
    return {
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state() if device.type == "cuda" else None,
    }


def set_random_state(state: dict, device: torch.device) -> None:
    """Takes back what random_state gave, from among other things."""
    torch.set_rng_state(state["random"])
    if state["random_cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["random_cuda"])


def save_state(path: Path, *parts: dict) -> None:
    """Writes a training's state, of parts with different keys."""
    state = {key: value for part in parts for key, value in part.items()}
    data = io.BytesIO()  # on a full disk torch's writer hides the reason behind a RuntimeError of its own
    torch.save(state, data)
    write_bytes(path, data.getbuffer())


def read_state(path: Path) -> dict:
    """Reads what save_state wrote, on the CPU.

    Raises:
        ValueError: damaged, or not such a file.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        reason = (str(error) or type(error).__name__).splitlines()[0]  # of an empty file torch says nothing
        raise ValueError(f"{path}: not a readable training state ({reason})") from None


def state_to_resume(folder: Path, config: TrainConfig) -> dict | None:
    """The training state in a run folder that a training with this config goes on from, or None for a fresh start.

    Raises:
        ValueError: the folder holds a run that was not to be resumed, or one of another recipe.
    """
    path = folder / LAST
    present = [name for name in (LAST, BEST) if (folder / name).exists()]
    if not config.resume:
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
    parts = {"config": dict, "model": dict, "network": dict, "optimizer": dict, "history": list, "names": list}
    if not (isinstance(state, dict) and all(isinstance(state.get(part), kind) for part, kind in parts.items())):
        raise ValueError(f"{path}: not a training state that `train` wrote")
    # An option that is newer than the run had its default; precision was full before it was one.
    stored = dataclasses.asdict(TrainConfig()) | {"amp": "off"} | state["config"]
    now = dataclasses.asdict(config.with_sizes(stored))
    free = FREE_ON_RESUME - {"epochs"} if config.schedule == "onecycle" else FREE_ON_RESUME  # its end is planned
    differing = [k for k in now if k not in free and stored[k] != now[k]]
    differing += [k for k in stored if k not in now and stored[k]]  # an option that is no more
    if differing:
        options = ", ".join(f"--{k} {stored[k]} (now {now.get(k, 'gone')})" for k in differing)
        raise ValueError(f"{path} was trained with {options}: resume with the same options")
    if len(state["optimizer"].get("param_groups", ())) != 2:
        raise ValueError(f"{path}: an older version's state; finish it there, or start from its weights with --weights")
    return state

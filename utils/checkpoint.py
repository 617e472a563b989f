"""Weights (safetensors with metadata) and training states: written whole, never unpickled."""

import dataclasses
import io
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..model import RAN, make_network
from .command_line import names
from .files import write_bytes
from .options import TrainConfig
from .weight_files import BEST, LAST, WEIGHTS, image_size, named, weights_in

LOCAL = names(TrainConfig, "local")  # options that weights do not store
NETWORK = ("arch", "attention", "connectivity", "decoder")  # that make the network
STATE = ("config", "model", "validation", "files", "before", "history", "network", "optimizer", "scheduler")


def recipe(config: TrainConfig) -> dict:
    """The options that are stored with the weights, without folders of this machine; files by their names alone."""
    stored = {key: value for key, value in dataclasses.asdict(config).items() if key not in LOCAL}
    return stored | {key: Path(stored[key]).name for key in ("pretrained", "weights")}


def save_weights(path: Path, state: dict[str, torch.Tensor], metadata: dict) -> None:
    """Writes a state dict with metadata whose values are anything JSON can hold."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    write_bytes(path, save(tensors, {key: json.dumps(value) for key, value in metadata.items()}))


def read_weights(path: str | Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Reads weights of this project: a .safetensors file, a run folder's best model, or a shipped model by its name.

    Returns:
        State dict and metadata: "model" (the network's options), "config" (see recipe), "epoch", "val_mae" (None
        without validation), "validation" (names of its images), "hardware", "seconds", and "before" (the same of the
        trainings that it started from, the first one first).

    Raises:
        FileNotFoundError, ValueError: no such file, or not one that `train` wrote.
    """
    path = weights_in(named(path))
    if not path.is_file():
        shipped = ", ".join(sorted(known.stem for known in WEIGHTS.glob("*.safetensors")))
        raise FileNotFoundError(f"{path}: no such weights file; `train` writes {BEST}; the repository has {shipped}")
    try:
        with safe_open(path, "pt") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, json.JSONDecodeError) as error:
        advice = f"name a run folder, or the {BEST} in it"
        raise ValueError(f"{path}: not a readable .safetensors file of this project ({error}); {advice}") from None
    if not all(isinstance(metadata.get(part), dict) for part in ("model", "config")):
        raise ValueError(f"{path}: not weights that `train` wrote: its metadata lacks the network's options")
    return state, metadata


def load_network(path: str | Path) -> tuple[RAN, dict]:
    """Network and metadata from a .safetensors file or a run folder, on the CPU.
    Raises FileNotFoundError, ValueError: see read_weights; also weights that do not fit the network they name.
    """
    state, metadata = read_weights(path)
    try:
        with torch.device("cpu"):  # whatever device and type the caller made torch's default
            network = make_network(**metadata["model"]).float()
        network.load_state_dict(state)
        image_size(metadata)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its weights do not fit the network it names ({error})") from None
    return network, metadata


def fresh_network(config: TrainConfig) -> RAN:
    """A network whose decoder draws its weights from torch's random state; prints what its --pretrained file lacks."""
    options = {key: getattr(config, key) for key in NETWORK}
    network = make_network(encoder_norm="group" if config.pretrained == "none" else "frozen", **options)
    if config.pretrained != "none" and (lacking := network.encoder.load_pretrained(config.pretrained)):
        print(f"{config.pretrained} lacks {len(lacking)} tensors, which start fresh: {', '.join(lacking)}")
    return network


def network_to_tune(config: TrainConfig) -> tuple[RAN, dict]:
    """Network and metadata of --weights. Errors: those of load_network, and ValueError for options of another one."""
    network, metadata = load_network(config.weights)
    for key in NETWORK:
        given, own = getattr(config, key), network.options[key]
        if given not in (own, getattr(TrainConfig(), key)):
            raise ValueError(f"--weights {config.weights}: its network has {key} {own}, so remove {key} {given}")
    return network, metadata


def save_state(path: Path, state: dict) -> None:
    """Writes a training's state: all that --resume needs."""
    data = io.BytesIO()  # on a full disk torch's writer hides the reason behind a RuntimeError of its own
    torch.save(state, data)
    write_bytes(path, data.getbuffer())


def read_state(path: Path) -> dict:
    """Reads what save_state wrote, on the CPU. Raises ValueError: damaged, or not a state of this version."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {part: state[part] for part in STATE}
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        reason = (str(error) or type(error).__name__).splitlines()[0]  # of an empty file torch says nothing
        advice = "an older run can continue with --weights and another --model_path"
        raise ValueError(f"{path}: not a training state of this version ({reason}); {advice}") from None


def state_to_resume(folder: Path, config: TrainConfig) -> dict | None:
    """The training state in a run folder that a training with this config goes on from, or None for a fresh start.
    Raises ValueError: the folder holds a run that was not to be resumed, or one of another recipe.
    """
    path = folder / LAST
    if not config.resume and (present := [name for name in (LAST, BEST) if (folder / name).exists()]):
        advice = "--resume continues it, another --model_path starts a new one"
        raise ValueError(f"{folder} already holds a run ({present[0]}): {advice}")
    if not path.exists():
        return None
    state = read_state(path)
    stored = dataclasses.asdict(TrainConfig()) | state["config"]  # an option newer than the run had its default
    now = dataclasses.asdict(config.with_sizes(stored))
    free = names(TrainConfig, "free") - ({"epochs"} if config.schedule == "onecycle" else set())  # its end is planned
    if differing := [key for key in now if key not in free and stored[key] != now[key]]:
        options = ", ".join(f"{key} {stored[key]} (now {now[key]})" for key in differing)
        raise ValueError(f"{path} was trained with {options}: resume with the same options and --config")
    return state

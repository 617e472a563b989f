"""Trained weights -> focus maps of pictures: what `test`, `predict`, `serve` and Python users call."""

import json
import mmap
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
import torch
from PIL import Image

from .imaging.kinds import as_image
from .imaging.resizing import focus_maps, resize, resize_map
from .model import MIN_SIZE, RAN
from .utils.checkpoint import WEIGHTS, image_size, load_network, named
from .utils.device import choose_device, compiled, mixed_precision, work_in_forks

SHIPPED = WEIGHTS / "ran_photos.safetensors"  # the default; its card says why
OVERLAP = 0.25  # of a tile's side, with each neighbour
# Longer side / shorter from which tiles are advised. On photographs of CUHK in a row, the mean error with tiles as high
# as the row beside that of the whole at once: 0.039 and 0.037 at 1.4, 0.039 and 0.058 at 2.8, 0.052 and 0.076 at 4.4.
LONG = 2.5
Picture = str | os.PathLike | bytes | BinaryIO | Image.Image | np.ndarray | torch.Tensor
Map = np.ndarray  # H x W float32, the probability of being in focus, in [0, 1]


class Predictor:
    """A trained network with what it needs to be used; called with a picture, it returns its focus map.

    Attributes:
        network: the RAN, in eval mode on `device`.
        img_size: side of the square that it wants pictures at, pixels.
        metadata: what `train` stored beside the weights.
    """

    def __init__(self, network: RAN, metadata: dict, device: torch.device, amp: str = "off", compile: bool = False):
        work_in_forks()
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self._model = compiled(self.network, compile, device)
        self._precision = mixed_precision(amp, device)
        self.metadata = metadata
        self.device = device
        self.img_size = image_size(metadata)

    @overload
    def __call__(
        self, picture: Picture, size: int = ..., tile: int = ..., tta: bool = ..., depth: int = ...
    ) -> Map: ...
    @overload
    def __call__(self, picture: list, size: int = ..., tile: int = ..., tta: bool = ..., depth: int = ...) -> list: ...

    def __call__(self, picture, size=0, tile=0, tta=False, depth=0):
        """Focus map of one picture; of a list or tuple of them a list of maps.

        Args:
            picture: a file's path, its bytes, or an open file; a Pillow image; an array, see imaging.pictures.as_rgb
                (RGB, not BGR); or a tensor, 3 x H x W or 1 x 3 x H x W, RGB, uint8 or floats in [0, 1].
            size: side of the square that the network sees, pixels, at least 32; 0 = as in training.
            tile: side of overlapping squares of the picture, pixels, that the network sees one by one: finer, but it
                sees less around each place; at least 32. 0 = the whole picture at once.
            tta: whether to average the maps of the picture and its mirror image.
            depth: bits that the values of a 16-bit picture have, such as 12; 0 = as its file says, with a warning where
                that makes it nearly black.

        Returns:
            H x W float32, the probability of being in focus, in [0, 1], at the picture's own size and upright.

        Raises:
            ValueError: not a picture, with what was wrong; sizes that do not work.
        """
        for name, value in (("size", size), ("tile", tile)):
            if value and not (isinstance(value, (int, np.integer)) and value >= MIN_SIZE):
                raise ValueError(f"{name} {value!r}: pixels, at least {MIN_SIZE}, or 0")
        if isinstance(picture, (list, tuple)):
            return [self(one, size, tile, tta, depth) for one in picture]
        side, image = size or self.img_size, as_image(picture, depth)
        if not tile and (advice := advice_on_shape(*image.shape[:2])):
            warnings.warn(advice, stacklevel=2)
        if tile and max(image.shape[:2]) > tile:
            return self._tiled(image, side, tile, tta)
        return resize_map(self.probabilities(stack([resize(image, side, side)]), tta)[0], image.shape[:2])

    @torch.inference_mode()
    def probabilities(self, images: torch.Tensor, tta: bool = False) -> np.ndarray:
        """Probabilities of being in focus at the network's size.

        Args:
            images: N x 3 x H x W uint8, RGB.
            tta: whether to average over the images and their mirror images.

        Returns:
            N x H x W float32, in [0, 1].
        """
        if tta:
            mirrored = self.probabilities(images.flip(-1))[..., ::-1]
            return (self.probabilities(images) + mirrored) / 2
        return self._run(images)

    def _run(self, images: torch.Tensor) -> np.ndarray:
        with torch.autocast(self.device.type, self._precision, enabled=self._precision is not None):
            logits = self._model(images.to(self.device).float() / 255, mask_only=True)
        return logits["mask"].sigmoid()[:, 0].float().cpu().numpy()

    def maps(self, images: torch.Tensor, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
        """8-bit focus maps of a batch N x 3 x H x W uint8, RGB, already at the network's size; see focus_maps."""
        return focus_maps(self.probabilities(images), sizes)

    def _tiled(self, image: np.ndarray, side: int, tile: int, tta: bool) -> np.ndarray:
        """Overlapping tiles, each weighed by a ramp that falls towards its rim."""
        height, width = image.shape[:2]
        rows, columns = (list(_spans(length, tile)) for length in (height, width))
        blended = np.zeros((height, width), np.float32)
        for top, bottom, down in rows:
            for left, right, across in columns:
                part = resize(image[top:bottom, left:right], side, side)
                part_map = resize_map(self.probabilities(stack([part]), tta)[0], (bottom - top, right - left))
                blended[top:bottom, left:right] += part_map * down[:, None] * across
        return blended


class OnnxPredictor(Predictor):
    """The same by onnxruntime, on a file that `export` wrote; `network` is missing.

    Raises:
        FileNotFoundError, ValueError: no such file, not one that `export` wrote, or onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, device: torch.device):
        try:
            import onnxruntime
        except ImportError:
            raise ValueError("--engine onnx needs another package: pip install onnxruntime") from None
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; `python main.py export --output {path}` writes it")
        try:
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                # What marks a tensor in another file, which the runtime before 1.24 reads wherever it is.
                if data.find(b"location") >= 0:
                    raise ValueError("parts of it lie in other files")
            providers: list[str | tuple[str, dict[str, int]]] = ["CPUExecutionProvider"]
            if device.type == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
                providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
            self._session = onnxruntime.InferenceSession(path, providers=providers)
            work_in_forks(self._session)
            about = self._session.get_modelmeta().custom_metadata_map
            self.metadata = {key: json.loads(about[key]) for key in ("model", "config")}
            self.img_size = image_size(self.metadata)
        except Exception as error:  # the runtime raises many kinds for a damaged or foreign file
            raise ValueError(f"{path}: not an ONNX file that export wrote ({str(error).splitlines()[0]})") from None
        self.device = device

    def _run(self, images: torch.Tensor) -> np.ndarray:
        return self._session.run(None, {"image": np.ascontiguousarray(images.cpu().numpy())})[0][:, 0]


def _spans(length: int, tile: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Start, end and weights of the tiles along one side; at every pixel the weights of all tiles sum to 1."""
    tile = min(tile, length)
    count = 1 if tile == length else -(-(length - tile) // max(1, int(tile * (1 - OVERLAP)))) + 1
    starts = np.linspace(0, length - tile, count).round().astype(int)
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=max(1, int(tile * OVERLAP)))
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += ramp
    for start in starts:
        yield start, start + tile, (ramp / total[start : start + tile]).astype(np.float32)


def advice_on_shape(height: int, width: int) -> str:
    """A sentence where tiles would help: the network sees a square, into which a long strip is pressed."""
    longer, shorter = max(height, width), max(32, min(height, width))
    if longer < LONG * shorter:
        return ""
    return f"{width} x {height} is a long strip, pressed into a square: --tile {shorter} of predict would help here"


def stack(images: list[np.ndarray]) -> torch.Tensor:
    """Arrays H x W x 3 of one size as a batch N x 3 x H x W."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def chosen_weights(model_path: str, default: Path = SHIPPED) -> Path:
    """The weights that a command was given, else the default ones; prints which."""
    print(f"weights: {model_path or f'{default}, those of the repository (--model_path takes others)'}", flush=True)
    return named(model_path or default)


def load_model(
    path: str | Path = SHIPPED, device: str | torch.device = "auto", amp: str = "off", compile: bool = False
) -> Predictor:
    """Predictor from a .safetensors file or a run folder; without one, from the weights that come with the repository.

    Args:
        path: a weights file that `train` or `release` wrote, a run folder (the best model), the name of a shipped
            model, an .onnx file that `export` wrote (by onnxruntime, on a GPU where its package for that is
            installed), or tensors of a shipped model's network as others saved them.
        device: auto, cpu, cuda or mps, or a torch.device.
        amp: mixed precision: auto, off, bf16 or fp16.
        compile: whether to torch.compile the network; pays for many pictures of one size.
    """
    chosen = choose_device(device) if isinstance(device, str) else device
    if Path(path).suffix == ".onnx":
        if amp != "off" or compile:
            raise ValueError(f"{path}: an ONNX file is what it is: --amp and --compile are for PyTorch")
        return OnnxPredictor(path, chosen)
    return Predictor(*load_network(path), chosen, amp, compile)

"""Trained weights -> focus maps: the one way from an image to its map.

TorchPredictor alone imports torch, when it is made: the ONNX engine works without it.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .data.images import as_rgb, read_image
from .data.resizing import focus_maps, quantised, resize, resize_map
from .utils.options import MIN_SIZE
from .utils.weight_files import WEIGHTS, image_size, named

SHIPPED = WEIGHTS / "ran_photos.safetensors"  # the default; the model card says why
LONG = 2.5  # longer side / shorter side from which tiles are advised
OVERLAP = 0.25  # of a tile's side, with each neighbour


class Predictor(ABC):
    """A trained network. A call with an image returns its focus map. Each engine implements `_run`.

    Attributes:
        img_size: side of the network's square input, pixels.
        metadata: what `train` stored with the weights.
        device: where the network computes, a torch.device or its name.
        read: reads an image file, path or open file -> H x W x 3 uint8, RGB.
    """

    read: Callable[[Any], np.ndarray] = staticmethod(read_image)

    def __init__(self, metadata: dict, device: Any):
        self.metadata, self.device, self.img_size = metadata, device, image_size(metadata)

    def __call__(self, image: Any, size: int = 0, tile: int = 0) -> np.ndarray:
        """Focus map of an image.

        Args:
            image: a file's path, its bytes, or an open file; a Pillow image; an array (RGB, not BGR), see
                data.images.as_rgb; or a tensor, 3 x H x W, RGB, uint8 or floats in [0, 1].
            size: side of the network's input, pixels, at least 32; 0 = as in training.
            tile: side of overlapping squares, pixels, at least 32, that the network sees one by one: finer maps, but
                less context. 0 = the whole image at once.

        Returns:
            H x W float32, the probability of being in focus, in [0, 1], at the image's own size and upright.

        Raises:
            ValueError: not an image, or sizes that do not work.
        """
        pixels = as_rgb(image, self.read)
        if not tile and (advice := advice_on_shape(*pixels.shape[:2])):
            warnings.warn(advice, stacklevel=2)
        return self._map(pixels, size, tile)

    def levels(self, image: np.ndarray, size: int = 0, tile: int = 0) -> np.ndarray:
        """Focus map of an array as it is saved: H x W uint8, 255 = in focus. Arguments and errors as in a call."""
        return quantised(self._map(image, size, tile))

    def probabilities(self, images: Any) -> np.ndarray:
        """Probabilities of being in focus, N x H x W float32, of images N x 3 x H x W uint8, RGB (arrays or tensors).

        Raises ValueError: the network's output is not a number.
        """
        result = self._run(np.asarray(images))
        if not np.isfinite(result.sum()):
            raise ValueError("the network gives no numbers (NaN): its weights are damaged")
        return result

    @abstractmethod
    def _run(self, images: np.ndarray) -> np.ndarray:
        """The engine's part of probabilities, which checks the result."""

    def maps(self, images: Any, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
        """8-bit focus maps of a batch N x 3 x H x W uint8, RGB, already at the network's size; see focus_maps."""
        return focus_maps(self.probabilities(images), sizes)

    def _map(self, image: np.ndarray, size: int, tile: int) -> np.ndarray:
        for name, value in (("size", size), ("tile", tile)):
            if value and value < MIN_SIZE:
                raise ValueError(f"{name} {value!r}: expected at least {MIN_SIZE} pixels, or 0")
        return self._tiled(image, size, tile) if 0 < tile < max(image.shape[:2]) else self._whole(image, size)

    def _whole(self, image: np.ndarray, size: int) -> np.ndarray:
        small = resize(image, size or self.img_size, size or self.img_size)
        return resize_map(self.probabilities(small.transpose(2, 0, 1)[None])[0], image.shape[:2])

    def _tiled(self, image: np.ndarray, size: int, tile: int) -> np.ndarray:
        """Mean of the maps of overlapping tiles, each weighted by a ramp that falls towards its rim."""
        total, weights = np.zeros((2, *image.shape[:2]), np.float32)
        for top, ramp_down in _spans(image.shape[0], tile):
            for left, ramp_across in _spans(image.shape[1], tile):
                place = np.s_[top : top + len(ramp_down), left : left + len(ramp_across)]
                weight = ramp_down[:, None] * ramp_across
                total[place] += weight * self._whole(image[place], size)
                weights[place] += weight
        total /= weights
        return total


def _spans(length: int, tile: int) -> list[tuple[int, np.ndarray]]:
    """Start and weights of the tiles along one side."""
    tile = min(tile, length)
    count = 1 if tile == length else -(-(length - tile) // int(tile * (1 - OVERLAP))) + 1
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=int(tile * OVERLAP))
    starts = np.linspace(0, length - tile, count).round().astype(int)
    return [(start, ramp.astype(np.float32)) for start in starts.tolist()]


def advice_on_shape(height: int, width: int) -> str:
    """A sentence for a very elongated image, which the network's square input distorts; else empty."""
    longer, shorter = max(height, width), max(MIN_SIZE, min(height, width))
    if longer < LONG * shorter:
        return ""
    return f"{width} x {height} is very elongated; the network's square input distorts it, try --tile {shorter}"


class TorchPredictor(Predictor):
    """A Predictor by PyTorch, of what load_network returns. The network moves to the device, see load_model."""

    def __init__(self, network: Any, metadata: dict, device: Any = "auto"):
        import torch

        from .utils.device import choose_device

        super().__init__(metadata, choose_device(device))
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()

    def _run(self, images: np.ndarray) -> np.ndarray:
        import torch

        # All 32 bits, whatever the caller has set: no autocast, and no rounding to TF32 in convolutions of cuDNN.
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False), exact:
            batch = torch.from_numpy(images).to(self.device, torch.float32) / 255
            return self.network(batch, mask_only=True)["mask"].sigmoid()[:, 0].cpu().numpy()


def chosen_weights(model_path: str, quiet: bool = False) -> Path:
    """The weights that a command was given, else the shipped ones; prints which."""
    path = named(model_path or SHIPPED)
    if not quiet:
        source = "" if model_path else ", shipped with RAN (--model_path selects others)"
        print(f"weights: {path}{source}", flush=True)
    return path


def load_model(path: str | Path = SHIPPED, device: Any = "auto") -> Predictor:
    """Predictor by PyTorch. `ran.load_model` also takes .onnx files.

    Args:
        path: weights file that `train` or `export` wrote, run folder (the best model), or name of a shipped model.
        device: auto or None, cpu, cuda, cuda:1, mps, or a torch.device.

    Raises:
        FileNotFoundError, ValueError: no such weights, or no such device.
    """
    from .utils.checkpoint import load_network

    if Path(path).suffix == ".onnx":
        raise ValueError(f"{path}: .onnx files are for predict, video, serve and ran.load_model")
    return TorchPredictor(*load_network(path), device)

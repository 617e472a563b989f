"""Trained weights -> focus maps of pictures: what `test`, `predict`, `serve` and Python users call."""

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, overload

import numpy as np
from PIL import Image

from .imaging.kinds import as_image
from .imaging.resizing import focus_maps, quantised, resize, resize_map
from .imaging.tiles import blended
from .utils.command_line import as_typed
from .utils.options import MIN_SIZE
from .utils.weight_files import WEIGHTS, exported, image_size, named

if TYPE_CHECKING:
    import torch

    Picture: TypeAlias = str | os.PathLike | bytes | BinaryIO | Image.Image | np.ndarray | torch.Tensor

SHIPPED = WEIGHTS / "ran_photos.safetensors"  # the default; its card says why
# Longer side / shorter from which tiles are advised. On photographs of CUHK in a row, the mean error with tiles as high
# as the row beside that of the whole at once: 0.039 and 0.037 at 1.4, 0.039 and 0.058 at 2.8, 0.052 and 0.076 at 4.4.
LONG = 2.5
Map = np.ndarray  # H x W float32, the probability of being in focus, in [0, 1]


class Predictor(ABC):
    """A trained network with what it needs to be used; called with a picture, it returns its focus map.

    What is not the network is here; each engine is a class of its own that has `_run`: TorchPredictor, OnnxPredictor.

    Attributes:
        img_size: side of the square that it wants pictures at, pixels.
        metadata: what `train` stored beside the weights.
        device: where the network computes, a torch.device or its name.
    """

    def __init__(self, metadata: dict, device: Any):
        self.metadata, self.device, self.img_size = metadata, device, image_size(metadata)

    @overload
    def __call__(
        self, picture: "Picture", size: int = ..., tile: int = ..., tta: bool = ..., depth: int = ...
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
        _check(size, tile)
        if isinstance(picture, (list, tuple)):
            return [self(one, size, tile, tta, depth) for one in picture]
        image = as_image(picture, depth)
        if not tile and (advice := advice_on_shape(*image.shape[:2])):
            warnings.warn(advice, stacklevel=2)
        return self._whole(image, size, tile, tta, lambda probability: probability)

    def levels(self, image: np.ndarray, size: int = 0, tile: int = 0, tta: bool = False, bits: int = 8) -> np.ndarray:
        """Focus map of a photograph as it is saved, grey levels of 8 or 16 bits, white = in focus.

        Made of tiles, floats of a whole panorama are never in memory.

        Args:
            image: H x W x 3 uint8, RGB.
            size, tile, tta: as in a call.
            bits: 8 or 16.

        Returns:
            H x W uint8 or uint16.

        Raises:
            ValueError: sizes that do not work.
        """
        _check(size, tile)
        return self._whole(image, size, tile, tta, lambda probability: quantised(probability, bits))

    def probabilities(self, images: "np.ndarray | torch.Tensor", tta: bool = False) -> np.ndarray:
        """Probabilities of being in focus at the network's size.

        Args:
            images: N x 3 x H x W uint8, RGB; a tensor lies in the processor's memory.
            tta: whether to average over the images and their mirror images.

        Returns:
            N x H x W float32, in [0, 1].

        Raises:
            ValueError: weights that give no numbers.
        """
        images = np.asarray(images)
        found = self._run(images)
        if tta:
            found = (found + self._run(images[..., ::-1].copy("K"))[..., ::-1]) / 2
        if not np.isfinite(found.sum()):
            raise ValueError("the network gives no numbers (NaN): its weights are damaged, or too large for --amp fp16")
        return found

    @abstractmethod
    def _run(self, images: np.ndarray) -> np.ndarray:
        """Probabilities, N x H x W float32, of images N x 3 x H x W uint8, RGB."""

    def maps(self, images: "np.ndarray | torch.Tensor", sizes: list[tuple[int, int]]) -> list[np.ndarray]:
        """8-bit focus maps of a batch N x 3 x H x W uint8, RGB, already at the network's size; see focus_maps."""
        return focus_maps(self.probabilities(images), sizes)

    def _whole(self, image: np.ndarray, size: int, tile: int, tta: bool, convert: Callable) -> np.ndarray:
        """What a function makes of the probabilities of an image, H x W, all at once or band by band of tiles."""

        def seen(part: np.ndarray) -> np.ndarray:
            small = resize(part, size or self.img_size, size or self.img_size)
            return resize_map(self.probabilities(stack([small]), tta)[0], part.shape[:2])

        if not tile or max(image.shape[:2]) <= tile:
            return convert(seen(image))
        found: np.ndarray | None = None
        for place, probability in blended(seen, image, tile):
            band = convert(probability)
            found = np.empty(image.shape[:2], band.dtype) if found is None else found
            found[place] = band
        assert found is not None  # an image has pixels
        return found


def _check(size: int, tile: int) -> None:
    for name, value in (("size", size), ("tile", tile)):
        if value and not (isinstance(value, (int, np.integer)) and value >= MIN_SIZE):
            raise ValueError(f"{name} {value!r}: pixels, at least {MIN_SIZE}, or 0")


def advice_on_shape(height: int, width: int) -> str:
    """A sentence where tiles would help: the network sees a square, into which a long strip is pressed."""
    longer, shorter = max(height, width), max(32, min(height, width))
    if longer < LONG * shorter:
        return ""
    return f"{width} x {height} is a long strip, pressed into a square: --tile {shorter} of predict would help here"


def stack(images: list[np.ndarray]) -> np.ndarray:
    """Arrays H x W x 3 of one size as a batch N x 3 x H x W, which in memory stays N x H x W x 3."""
    return np.stack(images).transpose(0, 3, 1, 2)


def chosen_weights(model_path: str, engine: str = "auto") -> Path:
    """The weights that a command was given, else the shipped ones, as the engine reads them; prints which."""
    path = engine_file(model_path or SHIPPED, engine)
    print(f"weights: {path}{'' if model_path else ', those of the repository (--model_path takes others)'}", flush=True)
    return path


def engine_file(path: str | Path, engine: str) -> Path:
    """What an engine reads: weights for torch, and for onnx the file that `export` makes of them.

    Args:
        path: weights, a run folder, the name of a shipped model, or an .onnx file.
        engine: torch, onnx, or auto: torch, but for an .onnx file, and where torch is not installed.

    Raises:
        FileNotFoundError, ValueError: no file of `export`, or one of other weights; an .onnx file for torch.
    """
    weights = named(path)
    if weights.suffix == ".onnx":
        if engine == "torch":
            raise ValueError(f"--engine torch does not take {path}: an .onnx file is for --engine onnx")
        return weights
    if engine == "torch" or (engine == "auto" and find_spec("torch")):
        return weights
    file = exported(weights, ".onnx")
    if not file.is_file():
        words = f"export --model {weights.stem if weights.parent == WEIGHTS else weights}"
        raise FileNotFoundError(
            f"{file}: no such file; `{as_typed(words)}` writes it there, where PyTorch is installed"
        )
    return file


def load_model(
    path: str | Path = SHIPPED,
    device: "str | torch.device" = "auto",
    amp: str = "off",
    compile: bool = False,
    engine: str = "auto",
) -> Predictor:
    """Predictor from a .safetensors file or a run folder; without one, from the weights that come with the repository.

    Args:
        path: a weights file that `train` or `release` wrote, a run folder (the best model), the name of a shipped
            model, an .onnx file that `export` wrote, or tensors of a shipped model's network as others saved them.
        device: auto, cpu, cuda or mps, or a torch.device; onnxruntime has a CUDA package of its own.
        amp: mixed precision: auto, off, bf16 or fp16.
        compile: whether to torch.compile the network; pays for many pictures of one size.
        engine: torch, onnx (onnxruntime, on what `export` made of the path and wrote beside it; needs no PyTorch), or
            auto: torch, but for an .onnx file, and where torch is not installed.
    """
    file = engine_file(path, engine)
    if file.suffix == ".onnx":
        if amp != "off" or compile:
            raise ValueError(f"{file}: an ONNX file is what it is: --amp and --compile are for PyTorch")
        from .predictor_onnx import OnnxPredictor

        return OnnxPredictor(file, device)
    from .predictor_torch import TorchPredictor
    from .utils.checkpoint import load_network

    return TorchPredictor(*load_network(file), device, amp, compile)

"""Files of others: what a user may name is data, and never code; damaged files give a value or a sentence."""

import dataclasses
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from ran.data.images import read_image
from ran.data.masks import read_map, read_mask
from ran.evaluation.scores import read_scores, write_scores
from ran.model.state_dicts import read_state_dict
from ran.photos.formats import read_photo
from ran.photos.onnx import load_model
from ran.tools import report
from ran.tools.options import ReportOptions
from ran.utils.checkpoint import load_network, read_state, read_weights, save_state, save_weights, state_to_resume
from ran.utils.command_line import read_yaml
from tests.faults.making import DNG, JPEG, MASK, PICTURE, encoded

READERS = [
    (read_weights, "a.safetensors"), (read_weights, "a.pt"), (read_state, "last.pt"), (read_state_dict, "a.pth"),
    (read_state_dict, "a.safetensors"), (load_model, "a.onnx"), (load_model, "a.safetensors"), (read_map, "a.npy"),
    (read_map, "a.mat"), (read_yaml, "a.yaml"), (read_photo, "a.jpg"),
]  # fmt: skip
IMAGES = {
    "JPEG": JPEG, "PNG": encoded(PICTURE, "PNG"), "mask": encoded(MASK, "PNG"), "WEBP": encoded(PICTURE, "WEBP"),
    "TIFF": encoded(PICTURE, "TIFF", compression="tiff_lzw"), "DNG": DNG,
}  # fmt: skip


class Bomb:
    """Makes the folder `marker` when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("marker",)


STATE = dict.fromkeys(("state_dict", "network", "config"), Bomb())
ATTACKS = {
    "pickle": lambda file: pickle.dump(STATE, file), "zip": lambda file: torch.save(STATE, file),
    "legacy": lambda file: torch.save(STATE, file, _use_new_zipfile_serialization=False),
    "array": lambda file: np.save(file, np.array([[Bomb()]], object), allow_pickle=True),
    "yaml": lambda file: file.write(b"a: !!python/object/apply:os.mkdir [marker]\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("reader, name", READERS)
def test_no_file_is_unpickled(reader, name, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / name).open("wb") as file:
        ATTACKS[kind](file)
    with pytest.raises(ValueError, match=name):
        reader(tmp_path / name)
    assert not (tmp_path / "marker").exists()


def damaged(reader, path: Path, content: bytes, is_right) -> None:
    """Cuts a file, and changes some of its bytes; most of the places are near its beginning, where its structure is."""
    rng = np.random.default_rng(0)
    for number in range(60):
        place = int(rng.integers(200 if number % 2 else len(content)))
        new = (b"", b"\xff" * 4, b"\0" * 4, rng.bytes(8))[number % 4]
        path.write_bytes(content[:place] + new + content[place + len(new) :] * bool(new))
        try:
            assert is_right(reader(path))
        except ValueError as error:
            assert path.name in str(error)


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("reader", [read_image, read_photo, read_mask, read_map])
def test_damaged_images_give_a_value_or_a_sentence(reader, kind, tmp_path):
    damaged(reader, tmp_path / "a.image", IMAGES[kind], lambda value: getattr(value, "pixels", value).dtype == np.uint8)


def test_damaged_weights_states_and_settings_give_a_value_or_a_sentence(tmp_path, run_folder):
    state = {"encoder.weight": torch.ones(3, 4), "bias": torch.zeros(2, dtype=torch.float16)}
    save_weights(tmp_path / "a.safetensors", state, {"model": {"arch": "resnet18"}, "config": {"img_size": 64}})
    save_state(tmp_path / "last.pt", read_state(run_folder / "last.pt"))
    (tmp_path / "a.yaml").write_text("base: &base {lr: 1e-4}\nlosses: [0.5, 1, 4]\nmore:\n  <<: *base\n")
    for reader, path in ((read_weights, tmp_path / "a.safetensors"), (read_state, tmp_path / "last.pt"),
                         (read_yaml, tmp_path / "a.yaml")):  # fmt: skip
        damaged(reader, path, path.read_bytes(), lambda value: True)
        path.write_bytes(b"[" * 5000)
        with pytest.raises(ValueError, match=path.name):
            reader(path)


def test_weights_and_states_whose_metadata_lie_are_reported(run_folder, config, tmp_path):
    state, metadata = read_weights(run_folder)
    path, config.resume = tmp_path / "w.safetensors", True
    for change in ({"model": {"arch": "../../etc/passwd"}}, {"model": {"surprise": 1}}, {"model": []}, {"config": {}},
                   {"model": metadata["model"] | {"attention": "none"}}):  # fmt: skip
        save_weights(path, state, metadata | {"config": {"img_size": 64}} | change)
        with pytest.raises(ValueError, match="w.safetensors: (its weights do not fit|not weights that `train` wrote)"):
            load_network(path)
    almost = dict.fromkeys(("config", "model", "network", "optimizer", "history"), {})  # without "validation"
    for content in ({}, [], {"config": 1, "optimizer": None}, almost):
        torch.save(content, tmp_path / "last.pt")
        with pytest.raises(ValueError, match="last.pt: not a training state of this version"):
            state_to_resume(tmp_path, config)


@pytest.mark.parametrize("name", ["/elsewhere", "..", "a\\..\\b", "", "../../elsewhere"])
def test_names_of_sets_lead_nowhere_else(name, evaluated, tmp_path):
    write_scores(tmp_path, [dataclasses.replace(one, dataset=name) for one in read_scores(evaluated)])
    with pytest.raises(ValueError, match="a set's name"):
        report.run(ReportOptions(scores=[str(tmp_path)], output=str(tmp_path / "a/b/out")))
    assert not list(tmp_path.rglob("*elsewhere*")) and not any((tmp_path / "a").rglob("*.*"))

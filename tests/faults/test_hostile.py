"""Files that want to do harm: what a user may name is data, and results go where they should."""

import json
import os
import pickle
import shutil
import signal
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from main import main
from ran.utils.checkpoint import LAST, read_weights, save_weights
from ran.utils.weight_files import write_hash

CPU = ["--device", "cpu"]
SMALL = ["--arch", "resnet18", "--img_size", "64", "--epochs", "1", "--num_workers", "0", *CPU]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return Path.write_text, (self.marker, "unpickled")


def payloads(marker: Path, folder: Path) -> dict[str, Path]:
    """The same attack as a bare pickle, as torch.save writes it, and in torch's older form."""
    bomb = {"state_dict": Bomb(marker), "network": Bomb(marker), "config": Bomb(marker)}
    (folder / "bare").write_bytes(pickle.dumps(bomb))
    torch.save(bomb, folder / "zip")
    torch.save(bomb, folder / "legacy", _use_new_zipfile_serialization=False)
    return {name: folder / name for name in ("bare", "zip", "legacy")}


def places(dataset: Path, run: Path, tmp_path: Path) -> dict[str, tuple[Path, list[str]]]:
    """Every file that a user may name (or a command looks for), and the command that would read it."""
    data, out = ["--data_path", str(dataset)], tmp_path / "out"
    picture = str(next((dataset / "SAMPLE/Test/images").iterdir()))
    there = tmp_path / "there"

    def weights(*words: str) -> dict:
        return {
            f"{words[:2]} {name}": (there / name, [*words, "--model_path", str(there / name)])
            for name in ("w.safetensors", "w.pt", "w")
        } | {f"{words[:2]} folder": (there / "best_model.safetensors", [*words, "--model_path", str(there)])}

    train = ["train", *data, "--model_path", str(out), *SMALL]
    return {
        **weights("test", *data, "--output", str(out), *CPU),
        **weights("predict", picture, "--output", str(out), *CPU),
        **weights("export", "--output", str(out / "x.onnx")),
        **weights("serve", *CPU),
        **weights("export", "--output", str(out / "x.safetensors")),
        "export --average": (there / "w.safetensors", ["export", "--output",
                                                       str(out / "x.safetensors"), "--model_path", str(run),
                                                       "--average", str(there / "w.safetensors")]),
        "predict onnx": (there / "w.onnx", ["predict", picture, "--output", str(out),
                                            "--model_path", str(there / "w.onnx"), *CPU]),
        "predict picture": (there / "p.jpg", ["predict", str(there / "p.jpg"), "--output", str(out),
                                              "--model_path", str(run), *CPU]),
        "predict table": (out / "focus.csv", ["predict", picture, "--output", str(out), "--table", "csv",
                                              "--model_path", str(run), *CPU]),
        "train --resume": (out / LAST, [*train, "--pretrained", "none", "--resume"]),
        "train --weights": (there / "w.safetensors", [*train, "--weights", str(there / "w.safetensors")]),
        **{f"train --pretrained {name}": (there / name, [*train, "--pretrained", str(there / name)])
           for name in ("e.safetensors", "e.pth", "e.pt")},
        "train --config": (there / "c.yaml", [*train, "--config", str(there / "c.yaml")]),
        "report": (there / "scores.json", ["report", "--scores", str(there), "--output", str(out)]),
        "evaluate maps": (there / "test_006.png", ["evaluate", "--maps", f"m={there}", *data, "--allow_missing",
                                                   "--output", str(out)]),
        "evaluate names": (there / "names.txt", ["evaluate", "--maps", f"m={dataset / 'SAMPLE/Test/masks'}", *data,
                                                 "--names", str(there / "names.txt"), "--output", str(out)]),
        "prepare list": (there / "list.txt", ["prepare", "--images", str(dataset / "SAMPLE/Test/images"), "--masks",
                                              str(dataset / "SAMPLE/Test/masks"), "--dataset", "X", "--white",
                                              "in_focus", "--test_list", str(there / "list.txt"),
                                              "--data_path", str(out)]),
    }  # fmt: skip


def run(words: list[str], capsys) -> str:
    """What a failing command says on stderr; a stack trace, or no failure, fails the test."""
    try:
        status = main(words)
    except SystemExit as stop:  # argparse
        status = stop.code
    error = capsys.readouterr().err
    assert status in (1, 2) and error.strip() and "Traceback" not in error, error
    return error


@pytest.fixture
def contained(monkeypatch):
    """What serve changes in its process, undone."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.slow
def test_no_file_that_a_user_may_name_is_unpickled(dataset, run_folder, tmp_path, capsys, contained):
    marker = tmp_path / "marker"
    attacks = payloads(marker, tmp_path)
    assert pickle.loads(attacks["bare"].read_bytes()) and marker.exists()  # the attack works where it is let
    marker.unlink()
    for place, (path, words) in places(dataset, run_folder, tmp_path).items():
        for kind, attack in attacks.items():
            path.parent.mkdir(exist_ok=True)
            shutil.copy(attack, path)
            error = run(words, capsys)
            assert path.name in error or str(path.parent) in error, (place, kind, error)
            assert not marker.exists(), (place, kind)
            path.unlink()


def test_a_downloaded_encoder_is_not_unpickled(dataset, tmp_path, monkeypatch, capsys):
    """Where torchvision caches its weights, its own reader is told to read tensors alone, and checks their hash."""
    marker = tmp_path / "marker"
    attack = payloads(marker, tmp_path)["zip"]
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    name = Path(torchvision.models.get_model_weights("resnet18").DEFAULT.url).name
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    shutil.copy(attack, tmp_path / "hub/checkpoints" / name)
    error = run(["train", "--data_path", str(dataset), "--model_path", str(tmp_path / "out"), *SMALL], capsys)
    assert "could not be downloaded or read" in error and not marker.exists()


def test_a_yaml_file_builds_no_objects(dataset, tmp_path, capsys):
    marker, path = tmp_path / "marker", tmp_path / "c.yaml"
    path.write_text(f"lr: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{marker}]]\n")
    assert "not a readable YAML file" in run(["train", "--config", str(path)], capsys)
    assert not marker.exists()


@pytest.mark.parametrize("options", [
    {"arch": "../../etc/passwd"}, {"arch": ["resnet18"]}, {"surprise": 1}, [], "resnet18",
    {"connectivity": "no", "decoder": {}},
])  # fmt: skip
def test_weights_whose_metadata_lie_are_reported(run_folder, dataset, tmp_path, capsys, options):
    state, metadata = read_weights(run_folder)
    path = tmp_path / "w.safetensors"
    save_weights(path, state, metadata | {"model": options})
    error = run(["test", "--data_path", str(dataset), "--model_path", str(path), *CPU], capsys)
    assert str(path) in error


@pytest.mark.parametrize("config", [{}, {"img_size": "64"}, {"img_size": -1}])
def test_weights_that_name_no_size_are_reported(run_folder, dataset, tmp_path, capsys, config):
    state, metadata = read_weights(run_folder)
    save_weights(path := tmp_path / "w.safetensors", state, metadata | {"config": config})
    error = run(["test", "--data_path", str(dataset), "--model_path", str(path), *CPU], capsys)
    assert f"{path}: its weights do not fit" in error


def test_weights_with_other_metadata_are_reported(dataset, tmp_path, capsys):
    path = tmp_path / "w.safetensors"
    for metadata in (None, {"model": "{", "config": "{}"}, {"model": "{}", "config": "null"}):
        save_file({"x": torch.zeros(1)}, path, metadata)
        assert str(path) in run(["test", "--data_path", str(dataset), "--model_path", str(path), *CPU], capsys)


@pytest.mark.parametrize("content", [{}, [], {"config": {}}, {"config": 1, "optimizer": None}])
def test_a_state_of_something_else_is_reported(dataset, tmp_path, capsys, content):
    torch.save(content, tmp_path / LAST)
    words = ["train", "--data_path", str(dataset), "--model_path", str(tmp_path), "--pretrained", "none", "--resume"]
    assert str(tmp_path / LAST) in run([*words, *SMALL], capsys)


def test_changed_weights_are_reported_by_their_hash(run_folder, dataset, tmp_path, capsys):
    path = tmp_path / "w.safetensors"
    shutil.copy(run_folder / "best_model.safetensors", path)
    write_hash(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    error = run(["test", "--data_path", str(dataset), "--model_path", str(path), *CPU], capsys)
    assert f"{path}: damaged or changed, its SHA-256 is not that of w.safetensors.sha256" in error


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "..", "a\\..\\b"])
def test_names_lead_nowhere_else(evaluated, dataset, tmp_path, capsys, name):
    shutil.copytree(evaluated, tmp_path / "scores")
    for file in ("scores.json", "scores.csv", "curves.csv"):
        path = tmp_path / "scores" / file
        path.write_text(path.read_text().replace("SAMPLE", json.dumps(name)[1:-1] if "json" in file else name))
    out = str(tmp_path / "a/b/out")
    assert "a set's name" in run(["report", "--scores", str(tmp_path / "scores"), "--output", out], capsys)
    masks = str(dataset / "SAMPLE/Test/masks")
    evaluate = ["evaluate", "--maps", f"m={masks}", "--gt", masks, "--dataset", name, "--output", out]
    assert "a set's name" in run(evaluate, capsys)
    prepare = ["prepare", "--images", masks, "--masks", masks, "--dataset", name, "--white", "in_focus", "--split",
               "train", "--data_path", out]  # fmt: skip
    assert "a set's name" in run(prepare, capsys)
    assert not list(tmp_path.rglob("*elsewhere*")) and not any(Path(out).rglob("*.*"))


def test_no_result_is_written_through_a_link(dataset, run_folder, tmp_path):
    """A link in a map's place is replaced, what it led to stays."""
    shoot, out, precious = tmp_path / "shoot", tmp_path / "out", tmp_path / "precious"
    shutil.copytree(dataset / "SAMPLE/Test/images", shoot / "day")
    precious.write_text("precious")
    (out / "day").mkdir(parents=True)
    (out / "day/test_006.png").symlink_to(precious)
    words = ["predict", str(shoot), "--output", str(out), "--model_path", str(run_folder), *CPU]
    assert main([*words, "--overwrite"]) == 0
    assert precious.read_text() == "precious" and not (out / "day/test_006.png").is_symlink()


def test_an_onnx_file_reads_no_other_file(tmp_path, dataset, capsys):
    """Tensors of an ONNX file may lie in another one: a path that leads out of its folder is refused."""
    from onnx import TensorProto, helper

    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(12))
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../secret")
    shape = helper.make_tensor_value_info("image", TensorProto.FLOAT, [3])
    result = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [3])
    graph = helper.make_graph([helper.make_node("Add", ["image", "w"], ["mask"])], "g", [shape], [result], [weight])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(made, {"model": "{}", "config": "{}"})
    (folder / "w.onnx").write_bytes(made.SerializeToString())
    picture = str(next((dataset / "SAMPLE/Test/images").iterdir()))
    words = ["predict", picture, "--output", str(tmp_path / "out"), "--model_path", str(folder / "w.onnx"), *CPU]
    assert "not an ONNX file that export wrote" in run(words, capsys)

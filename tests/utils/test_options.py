import re
from pathlib import Path

import pytest

from ran.photos.options import PredictOptions
from ran.tools.ablation import recipe_of
from ran.utils.checkpoint import read_weights, recipe
from ran.utils.command_line import names, parse, read_yaml
from ran.utils.options import TestConfig as EvaluationConfig
from ran.utils.options import TrainConfig
from tests.processes import ROOT

CONFIGS = ROOT / "configs"


def train(*words) -> TrainConfig:
    return parse(TrainConfig, list(words), "train")


def test_values_lists_and_the_readmes_own_spellings():
    config = train("--data_pth", "D", "--bact_size", "4", "--lr=1e-3", "--datasets", "CUHK", "DUT", "--resume")
    assert train("--arch", "timm/any").arch == "timm/any"
    assert (config.data_path, config.batch_size, config.lr) == ("D", 4, 1e-3)
    assert config.datasets == ["CUHK", "DUT"] and config.resume is True
    words = ["a.jpg", "--overlay", "--tile", "512", "b.jpg"]
    assert parse(PredictOptions, words, "predict").paths == ["a.jpg", "b.jpg"]
    for word, value in {"True": True, "yes": True, "1": True, "False": False, "no": False, "0": False}.items():
        assert parse(EvaluationConfig, ["--save_map", word], "test").save_map is value


@pytest.mark.parametrize("given, message", [
    ("--bach_size 2", "unrecognized arguments: --bach_size"), ("--arch vgg16", "resnet50"),
    ("--epoch 2", "unrecognized arguments: --epoch"), ("--batch_size 0", "0: expected a finite number, at least 1"),
    ("--lr nan", "nan: expected a finite number"), ("--lr inf", "expected a finite number"),
    ("--val_share 1", "--val_share 1.0: expected a share below 1"),
    ("--amp fp16", "invalid choice: 'fp16'"), ("--resume maybe", "'maybe' is not True or False"),
    ("--img_size 16", "--img_size 16: expected at least 64"),
    ("--clip 1", "--clip is set only in a YAML file: write it there, and give it as --config"),
    ("--config nowhere.yaml", "nowhere.yaml: not a readable YAML file"),
    ("a: [", "recipe.yaml: not a readable YAML file"), ("just words", "recipe.yaml: it should map names to values"),
    ("lr: 1e-4\nlr: 2e-4", "lr occurs twice"), ("config: other.yaml", "a recipe cannot name another recipe"),
    ("lr: fast", "recipe.yaml: error: argument --lr: invalid float value: 'fast'"),
    ("patience: -1", "recipe.yaml: error: --patience: -1: expected a finite number, at least 0"),
    ("loss_weights: [1, 2]", "loss_weights [1.0, 2.0]: expected three weights from 0, not all of them 0"),
    ("loss_weights: [nan, 1, 1]", "expected three weights from 0"), ("loss_weights: [0, 0, 0]", "expected three"),
    ("test_size: 16", "test_size 16: expected at least 32"), ("extra: []", "--extra: expected at least one argument"),
    ("extra: [MADE]\nbatch_size: 1", "extra_per_batch 1: must be below --batch_size 1"),
])  # fmt: skip
def test_mistakes_are_refused_by_name(given, message, tmp_path, capsys):
    """On the command line, or in a recipe file."""
    (path := tmp_path / "recipe.yaml").write_text(given)
    with pytest.raises(SystemExit) as stop:
        train(*given.split() if given.startswith("--") else ("--config", str(path)))
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_help_lists_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit):
        train("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--lr LR learning rate; with schedule onecycle the highest one (default: 5e-05)" in text
    shown = {name for name in vars(TrainConfig()) if f"--{name} " in text}
    assert shown == vars(TrainConfig()).keys() - names(TrainConfig, "in_file")


def test_config_files_are_options_and_the_command_line_wins(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("lr: 8e-4\nloss_weights: [0.5, 1, 4]\nconnectivity: false\namp: off\nepochs: 7\ndatasets: [CUHK]\n")
    config = train("--epochs", "9", "--config", str(path))
    assert (config.lr, config.loss_weights, config.epochs) == (8e-4, [0.5, 1.0, 4.0], 9)
    assert config.connectivity is False and config.datasets == ["CUHK"] and config.amp == "off"


@pytest.mark.parametrize("given, sizes, alone", [
    ({}, (320, 448), (384, 0)), ({"img_size": 256}, (256, 0), (256, 0)), ({"test_size": 512}, (320, 512), (384, 512)),
    ({"img_size": 256, "test_size": 288}, (256, 288), (256, 288)),
])  # fmt: skip
def test_sizes_are_as_told_or_those_of_the_earlier_training(given, sizes, alone):
    for earlier, expected in (({"img_size": 320, "test_size": 448}, sizes), ({}, alone)):
        config = TrainConfig(**given).with_sizes(earlier)
        assert (config.img_size, config.test_size) == expected and config.with_sizes({}) == config


def test_shipped_configs():
    paper = str(CONFIGS / "paper.yaml")
    assert train("--config", paper) == TrainConfig(config=paper).with_sizes({})
    text = (CONFIGS / "paper.yaml").read_text()  # --help says that it lists all; an empty list cannot be set
    assert names(TrainConfig, "in_file") == {*re.findall(r"^(?:# )?(\w+): .*# file: ", text, re.MULTILINE)}
    best = train("--config", str(CONFIGS / "best.yaml"))
    rows = {name: recipe_of(row or {}, name) for name, row in read_yaml(str(CONFIGS / "trials.yaml")).items()}
    assert list(rows) == ["paper", "fine", "loss", "strong", "large"] and rows["strong"]["lr"] == best.lr
    assert rows["large"]["loss_weights"] == [0.5, 1.0, 4.0]
    assert (best.arch, best.decoder, best.schedule, best.val_share) == ("resnet18", "fine", "onecycle", 0)
    photos = train("--config", str(CONFIGS / "photos.yaml"))
    for name, config in (("ran_resnet18", best), ("ran_photos", photos)):  # but for what the command names
        made = recipe(TrainConfig()) | read_weights(name)[1]["config"]
        differing = {key for key, value in recipe(config).items() if made[key] != value}
        assert differing <= {"pretrained", "datasets", "weights"}, name
    assert photos.weights == Path(read_weights("ran_photos")[1]["config"]["weights"]).stem

"""The table of commands: it drives dispatch, help, and what the processes of torchrun may share."""

from typing import NamedTuple

from .photos import options as photos
from .tools import options as tools
from .utils import options


class Command(NamedTuple):
    """One command: main.py calls `run` of its module with its options; that returns an exit status or nothing.

    Attributes:
        group: heading in the list of commands.
        options: dataclass of its options, whose docstring its own --help says first.
        module: where it lies, from this folder on.
        summary: a line in the list of commands.
        shared: whether several processes of torchrun can share it.
    """

    group: str
    options: type
    module: str
    summary: str
    shared: bool = False


COMMANDS = {
    "prepare": Command(
        "train and test", tools.PrepareOptions, "tools.prepare", "write a data set into the dataset folder"
    ),
    "train": Command("train and test", options.TrainConfig, "trainer", "train the network", shared=True),
    "test": Command("train and test", options.TestConfig, "tester", "score weights and save their maps", shared=True),
    "ablation": Command("train and test", tools.AblationOptions, "tools.ablation", "train and score variants"),
    "synthesise": Command("train and test", tools.SynthesiseOptions, "tools.synthesise", "make training images"),
    "predict": Command("images", photos.PredictOptions, "photos.predict", "write maps of your images", shared=True),
    "video": Command("images", photos.VideoOptions, "photos.video", "write the focus maps of a video"),
    "serve": Command("images", photos.ServeOptions, "photos.serve", "serve a page that shows focus maps"),
    "evaluate": Command("compare", tools.EvaluateOptions, "tools.evaluate", "score saved maps of any method"),
    "report": Command("compare", tools.ReportOptions, "tools.report", "put scored methods side by side"),
    "info": Command("compare", tools.InfoOptions, "tools.info", "print parameters and multiply-adds"),
    "explain": Command("compare", tools.ExplainOptions, "tools.explain", "draw the network's parts for an image"),
    "export": Command("share", tools.ExportOptions, "tools.export", "write a network as an ONNX or a weights file"),
    "sample": Command("share", tools.SampleOptions, "tools.sample", "write a small data set to try the commands"),
}


def usage(program: str) -> str:
    """The list of commands."""
    lines = [f"usage: {program} COMMAND [options]      ({program} COMMAND --help lists the options)"]
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        members = [(name, command) for name, command in COMMANDS.items() if command.group == group]
        lines += ["", f"{group}:", *(f"  {name:10} {command.summary}" for name, command in members)]
    return "\n".join(lines)

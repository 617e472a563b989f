"""The table of commands: it drives dispatch, help, and what the processes of torchrun may share."""

from typing import NamedTuple

from .photos import options as photo_options
from .utils import options, tool_options


class Command(NamedTuple):
    """One command: main.py calls `run` in its module with its options; that returns an exit status or nothing.

    Attributes:
        group: heading in the list of commands.
        options: dataclass of its options, whose docstring its own --help says first.
        summary: a line in the list of commands.
        shared: whether several processes of torchrun can share it.
        folder: where its module lies. module: its name, if it is not the command's.
    """

    group: str
    options: type
    summary: str
    shared: bool = False
    folder: str = "tools"
    module: str = ""


COMMANDS = {
    "prepare": Command(
        "train and test", tool_options.PrepareOptions, "turn a published data set into the dataset folder"
    ),
    "train": Command("train and test", options.TrainConfig, "train the network", True, "", "trainer"),
    "test": Command(
        "train and test", options.TestConfig, "score a trained network and save its maps", True, "", "tester"
    ),
    "ablation": Command(
        "train and test",
        options.AblationOptions,
        "train and score the network without some of its parts, or variants of a recipe",
    ),
    "synthesise": Command(
        "train and test",
        tool_options.SynthesiseOptions,
        "make training images of sharp ones, by masks or depth",
    ),
    "predict": Command(
        "images",
        photo_options.PredictOptions,
        "focus maps of your own images, and what can be made of them",
        shared=True,
        folder="photos",
    ),
    "video": Command("images", photo_options.VideoOptions, "what is in focus in a video", folder="photos"),
    "serve": Command("images", photo_options.ServeOptions, "the same as a page in your browser", folder="photos"),
    "evaluate": Command("compare", tool_options.EvaluateOptions, "score folders of saved maps, of any method"),
    "report": Command("compare", tool_options.ReportOptions, "put scored methods side by side: tables, curves, a page"),
    "info": Command("compare", tool_options.InfoOptions, "parameters and multiply-adds of the networks"),
    "export": Command(
        "share", tool_options.ExportOptions, "write a network as an ONNX file, or its weights as a file to share"
    ),
    "sample": Command("share", tool_options.SampleOptions, "write a small generated data set, to try the rest on"),
}


def usage(program: str) -> str:
    """The list of commands."""
    lines = [f"usage: {program} COMMAND [options]      ({program} COMMAND --help lists the options)"]
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        members = [(name, command) for name, command in COMMANDS.items() if command.group == group]
        lines += ["", f"{group}:", *(f"  {name:10} {command.summary}" for name, command in members)]
    return "\n".join(lines) + "\n"

"""The table of commands: it drives dispatch, help, and what the processes of torchrun may share."""

from typing import NamedTuple

from .utils import options


class Command(NamedTuple):
    """One command: `run` in the module of its name in tools is called with its options, and returns an exit status or
    nothing; train and test main.py dispatches itself.

    Attributes:
        options: dataclass of its options.
        summary: a line in the list of commands.
        description: what its own --help says first.
        group: heading in the list of commands.
        shared: whether several processes of torchrun can share it.
    """

    options: type
    summary: str
    description: str
    group: str
    shared: bool = False


COMMANDS = {
    "prepare": Command(
        options.PrepareOptions,
        "turn a published data set into the dataset folder",
        "Turn a published data set into the layout that train and test read; the source is never touched. Known by "
        "their folders' names: CUHK and DUT as their authors publish them, and the 320 x 320 pack of both.",
        "train and test",
    ),
    "train": Command(
        options.TrainConfig,
        "train the network",
        "Train RAN; the defaults are the paper's recipe.",
        "train and test",
        shared=True,
    ),
    "test": Command(
        options.TestConfig,
        "score a trained network and save its maps",
        "Score a trained RAN on every test set found; save its maps.",
        "train and test",
        shared=True,
    ),
    "ablation": Command(
        options.AblationOptions,
        "train and score the network without some of its parts, or variants of a recipe",
        "Train and score the network with some of its parts switched off, or the rows of a file, each under the same "
        "options of train. Scored are parts of the training pictures that were left out, unless --score says test.",
        "train and test",
    ),
    "predict": Command(
        options.PredictOptions,
        "focus maps of your own photographs, and what can be made of them",
        "Write the focus maps of photographs: files, folders, patterns, or - for a list on standard input.",
        "photographs",
        shared=True,
    ),
    "serve": Command(
        options.ServeOptions,
        "the same as a page in your browser",
        "Open a page on this machine that shows what is in focus in a picture: map, overlay, cut-out, bokeh.",
        "photographs",
    ),
    "evaluate": Command(
        options.EvaluateOptions,
        "score folders of saved maps, of any method",
        "Score folders of saved focus maps, of any method, against the ground truth.",
        "compare",
    ),
    "report": Command(
        options.ReportOptions,
        "put scored methods side by side: tables, curves, a page",
        "Turn the scores of test and evaluate into tables (Markdown, LaTeX, CSV), curves and an HTML page.",
        "compare",
    ),
    "curves": Command(
        options.CurvesOptions,
        "draw the histories of several runs into one picture",
        "Draw loss and validation MAE of several runs into one picture.",
        "compare",
    ),
    "info": Command(
        options.InfoOptions,
        "parameters and multiply-adds of the networks",
        "Print parameters and multiply-adds of the networks.",
        "compare",
    ),
    "release": Command(
        options.ReleaseOptions,
        "make a run's weights ready to be shared: half precision, scores in the file",
        "Write a run's weights in half precision, score that very file, and store the scores in it.",
        "share",
    ),
    "export": Command(
        options.ExportOptions,
        "the network as an ONNX file",
        "Write the network as an ONNX file that takes 0-255 RGB of any size, and compare it with PyTorch.",
        "share",
    ),
    "readme": Command(
        options.ReadmeOptions,
        "write the tables of the documents anew from the files behind them",
        "Write the documents' tables anew from results/, the shipped weights and the networks; --check compares.",
        "share",
    ),
    "sample": Command(
        options.SampleOptions,
        "write a small generated data set, to try the rest on",
        "Write a small defocus data set, made of photographs that scikit-image ships, in the way CUHK is published.",
        "share",
    ),
}


def usage(program: str) -> str:
    """The list of commands."""
    lines = [f"usage: {program} COMMAND [options]      ({program} COMMAND --help lists the options)"]
    for group in dict.fromkeys(command.group for command in COMMANDS.values()):
        members = [(name, command) for name, command in COMMANDS.items() if command.group == group]
        lines += ["", f"{group}:", *(f"  {name:9} {command.summary}" for name, command in members)]
    return "\n".join(lines) + "\n"

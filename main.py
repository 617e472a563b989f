"""RAN's command line: python main.py COMMAND [options]."""

import importlib
import os
import sys

from utils.config import TestConfig, TrainConfig, parse

USAGE = """\
usage: python main.py COMMAND [options]      (python main.py COMMAND --help lists the options)

  prepare   turn a published data set into the dataset folder
  train     train the network
  test      score a trained network and save its maps
  predict   focus maps of your own photographs, and what can be made of them
  serve     the same as a page in your browser
  export    the network as an ONNX file
  info      parameters and multiply-adds of the networks
  evaluate  score folders of saved maps, of any method
  report    put scored methods side by side: tables, curves, a page
  ablation  train and score the network without some of its parts, or variants of a recipe
  release   make a run's weights ready to be shared: half precision, scores in the file
  curves    draw the histories of several runs into one picture
  readme    write the README's tables anew from the files behind them
  sample    write a small generated data set, to try the rest on
"""
TOOLS = ("predict", "serve", "export", "prepare", "evaluate", "report", "ablation", "release", "info", "curves",
         "readme", "sample")  # fmt: skip
SHARED = ("train", "test", "predict")  # what several processes of torchrun can share


def main(argv: list[str]) -> int:
    """Parses, dispatches, and turns what went wrong into a sentence and an exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    command, words = argv[0], argv[1:]
    if "LOCAL_RANK" in os.environ:  # started by torchrun
        if command not in SHARED:
            print(f"error: torchrun is for {', '.join(SHARED)}; start {command} without it", file=sys.stderr)
            return 2
        if os.environ["RANK"] != "0":  # the first process speaks for all
            os.environ["TQDM_DISABLE"] = "1"
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (as long as the process lives)
    prog = f"python main.py {command}"
    if command == "train":
        config = parse(TrainConfig, words, prog, "Train RAN; the defaults are the paper's recipe.")
        return guarded(lambda: importlib.import_module("trainer").Trainer(config).train())
    if command == "test":
        config = parse(TestConfig, words, prog, "Score a trained RAN on every test set found; save its maps.")
        return guarded(lambda: importlib.import_module("tester").Tester(config).test())
    if command in TOOLS:
        tool = importlib.import_module(f"tools.{command}")
        options = parse(tool.Options, words, prog, tool.DESCRIPTION)
        return guarded(lambda: tool.run(options))
    print(f"error: unknown command {command!r}\n\n{USAGE}", end="", file=sys.stderr)
    return 2


def guarded(work) -> int:
    """Runs a command; its own exit status, or 1 with a message for the user (RAN_TRACEBACK=1 shows where)."""
    status = _guarded(work)
    if "LOCAL_RANK" in os.environ:
        if status:  # an orderly exit would wait for the other processes, which may wait for this one
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        importlib.import_module("utils.distributed").leave()
    return status


def _guarded(work) -> int:
    try:
        return work() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        if os.environ.get("RAN_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

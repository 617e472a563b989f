"""RAN's command line: python main.py COMMAND [options], or `ran COMMAND [options]` where the package is installed."""

import difflib
import importlib
import importlib.util
import os
import select
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 (to say so, this file keeps to the syntax of Python 3.6)
    sys.exit(f"error: RAN needs Python 3.10 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}")
if not __package__:  # run as a file: this folder is the package ran, whatever it is called and wherever it lies
    spec = importlib.util.spec_from_file_location("ran", Path(__file__).with_name("__init__.py"))
    assert spec and spec.loader  # as for every .py file
    sys.modules["ran"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["ran"])

from ran import __version__
from ran.commands import COMMANDS, usage
from ran.utils.command_line import parse

NOBODY_READS = 128 + 13  # what a shell says of a program that SIGPIPE ended
PROGRAM = "ran" if __package__ else "python main.py"


def main(argv: list[str] | None = None) -> int:
    """Parses, dispatches, and turns what went wrong into a sentence and an exit status; 141 where nobody reads on."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # names beyond the console's code page
    try:
        try:
            return _main(argv)
        finally:
            if sys.stdout:  # None where it was closed
                sys.stdout.flush()
    except BrokenPipeError:
        if not _left_by_reader():
            raise
        return NOBODY_READS
    except ModuleNotFoundError as error:
        package = (error.name or "ran").partition(".")[0]
        if package == "ran" or os.environ.get("RAN_TRACEBACK"):  # a fault of ours
            raise
        print(f"error: {package} is not installed: pip install -r requirements.txt", file=sys.stderr)
        print(f"(this Python is {sys.executable}; is the environment active?)", file=sys.stderr)
        return 1


def _left_by_reader() -> bool:
    """Whether it is stdout's or stderr's reader that is gone, as in `| head -1`; then nothing more is written there."""
    left = []
    if hasattr(select, "poll"):  # not on Windows, which knows no such pipes either
        poll = select.poll()
        for stream in filter(None, (sys.stdout, sys.stderr)):
            poll.register(stream.fileno(), 0)
        left = [number for number, event in poll.poll(0) if event & (select.POLLERR | select.POLLHUP)]
    for number in left:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # for Python's last flush
    return bool(left)


def _main(argv: list[str] | None) -> int:
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["help"] and words[1:]:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(PROGRAM), end="")
        return 0
    if words[0] == "--version":
        print(f"ran {__version__}")
        return 0
    name, words = words[0], words[1:]
    command = COMMANDS.get(name)
    if not command:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        print(f"error: unknown command {name!r}{hint}\n\n{usage(PROGRAM)}", end="", file=sys.stderr)
        return 2
    if "LOCAL_RANK" in os.environ:  # started by torchrun
        if not command.shared:
            able = ", ".join(other for other, known in COMMANDS.items() if known.shared)
            print(f"error: torchrun is for {able}; start {name} without it", file=sys.stderr)
            return 2
        if os.environ["RANK"] != "0":  # one process prints
            os.environ["TQDM_DISABLE"] = "1"
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (as long as the process lives)
    options = parse(command.options, words, f"{PROGRAM} {name}", command.options.__doc__ or "")
    # Odd EXIF, transparent palettes, large images: what is wrong with an image is an error of ours.
    warnings.filterwarnings("ignore", module="PIL")
    if name == "train":
        return guarded(lambda: importlib.import_module("ran.trainer").Trainer(options).train())
    if name == "test":
        return guarded(lambda: importlib.import_module("ran.tester").Tester(options).test())
    return guarded(lambda: importlib.import_module(f"ran.{command.folder}.{name}").run(options))


def guarded(work: Callable[[], int | None]) -> int:
    """Runs a command; its own exit status, or 1 with a message for the user (RAN_TRACEBACK=1 shows where)."""
    status = _guarded(work)
    if "LOCAL_RANK" in os.environ:
        if status:  # an orderly exit would wait for the other processes, which may wait for this one
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        importlib.import_module("ran.utils.distributed").leave()
    return status


def _guarded(work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _left_by_reader():
            return NOBODY_READS
        if os.environ.get("RAN_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""RAN's command line: python main.py COMMAND [options], or `ran COMMAND [options]` where the package is installed."""

import importlib
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 (to say so, this file keeps to the syntax of Python 3.6)
    sys.exit(f"error: RAN needs Python 3.10 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}")
if not __package__:  # run as a file: other processes, which get the path too, find the same package ran
    sys.path.insert(0, str(Path(__file__).parent / "utils" / "checkout"))

from ran import __version__
from ran.commands import COMMANDS, usage
from ran.utils.command_line import parse

PROGRAM = "ran" if __package__ else "python main.py"


def main(argv: list[str] | None = None) -> int:
    """Runs a command line. Returns the exit status."""
    words, shared = sys.argv[1:] if argv is None else argv, "LOCAL_RANK" in os.environ  # started by torchrun
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # names beyond the console's code page
    if argv is None:  # a program of its own
        warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
        if not shared:  # one of several processes might wait for the others
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing half written stays
            if words[:1] != ["serve"] and hasattr(signal, "SIGPIPE"):
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it ends where nobody reads on: `| head -1`
    status = guarded(lambda: dispatch(words))
    if shared and status:  # an orderly exit would wait for the other processes, which may wait for this one
        sys.stdout.flush()
        os._exit(status)
    if shared:
        importlib.import_module("ran.utils.distributed").leave()
    return status


def dispatch(words: list[str]) -> int | None:
    """Parses the words of a command line and runs its command."""
    name, words = (words or ["help"])[0], words[1:]
    if name in ("-h", "--help", "help", "--version"):
        print(f"ran {__version__}" if name == "--version" else usage(PROGRAM))
        return 0
    command = COMMANDS.get(name)
    if not command:
        print(f"error: unknown command {name!r} ({PROGRAM} --help lists all)", file=sys.stderr)
        return 2
    if "LOCAL_RANK" in os.environ:
        if not command.shared:
            able = ", ".join(other for other, known in COMMANDS.items() if known.shared)
            raise ValueError(f"torchrun is for {able}; start {name} without it")
        if os.environ["RANK"] != "0":  # one process prints
            os.environ["TQDM_DISABLE"] = "1"
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (as long as the process lives)
    options = parse(command.options, words, f"{PROGRAM} {name}")
    # Odd EXIF, transparent palettes, large images: what is wrong with an image is an error of ours.
    warnings.filterwarnings("ignore", module="PIL")
    return importlib.import_module(f"ran.{command.module}").run(options)


def guarded(work: Callable[[], int | None]) -> int:
    """Runs work and returns its exit status.

    An error becomes a sentence, and 1, or 2 for a wrong option; RAN_TRACEBACK=1 shows where it came from.
    """
    try:
        return work() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ModuleNotFoundError) as error:
        if os.environ.get("RAN_TRACEBACK"):
            raise
        where = f" in {sys.executable}: activate the environment, or follow Install in README.md"
        print(f"error: {error}{where * isinstance(error, ModuleNotFoundError)}", file=sys.stderr)
        return 2 if str(error).startswith("--") else 1  # sentences on a wrong option begin with its name


if __name__ == "__main__":
    sys.exit(main())

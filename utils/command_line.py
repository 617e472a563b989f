"""A command line made of an options dataclass, whose fields give names, defaults and help (see utils.options).

Imports nothing heavy, so that --help answers at once.
"""

import argparse
import dataclasses
import difflib
from dataclasses import field
from pathlib import Path
from typing import Any


def as_typed(words: str) -> str:
    """A command of ours as one types it here: an installed package has the command ran, a checkout its main.py."""
    return f"{'ran' if 'site-packages' in Path(__file__).parts else 'python main.py'} {words}"


def names(options: type, mark: str) -> set[str]:
    """The options of a dataclass that are marked: "local" or "free", see option."""
    return {f.name for f in dataclasses.fields(options) if f.metadata[mark]}


def option(
    default: Any,
    help: str,
    choices: tuple = (),
    aliases: tuple = (),
    at_least: float | None = None,
    positional: bool = False,
    group: str = "",
    local: bool = False,
    free: bool = False,
    in_file: bool = False,
) -> Any:
    """One field of an options dataclass; a list default takes several values, a bool takes True/False/yes/no/1/0.

    Args:
        positional: whether it takes the words that belong to no option; it is then a list of strings.
        group: heading in --help.
        local: whether it is about a machine and its folders, not about the recipe: weights do not store it.
        free: whether it may differ between a run and its resumption, as local ones may.
        in_file: whether it is set in a YAML file alone, see parse.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "aliases": aliases,
        "at_least": at_least,
        "positional": positional,
        "group": group,
        "local": local,
        "free": free or local,
        "in_file": in_file,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def parse_bool(text: str) -> bool:
    """True/False/1/0/yes/no in any case; argparse's own bool() would read "False" as true."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False (file names stand before such an option)")
    return known[text.lower()]


class _Parser(argparse.ArgumentParser):
    """Names an unknown option and the nearest known one, in a line without usage; exit status 2.

    Attributes:
        in_file: names of the options that are set in a YAML file alone.
    """

    in_file: tuple = ()

    def error(self, message: str):
        self.exit(2, f"{self.prog}: error: {message}\n")

    def parse_args(self, args=None, namespace=None):
        args = list(args or [])
        if "--" in args:  # argparse would still take what follows for options, where these may stand among paths
            end = args.index("--") + 1
            args = [*args[:end], *(f"./{word}" if word[:1] == "-" and word[1:] else word for word in args[end:])]
        parsed, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            name = unknown[0].split("=")[0]
            if name.removeprefix("--") in self.in_file:
                self.error(f"{name} is set in a YAML file alone: write it there, and give the file as --config FILE")
            near = difflib.get_close_matches(name, self._option_string_actions, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unknown option {name}{hint} (--help lists all)")
        return parsed


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show."""

    def _get_help_string(self, action):
        return action.help if action.default in ("", []) else super()._get_help_string(action)


def read_yaml(path: str) -> dict[str, Any]:
    """A YAML file that maps names to values, every value as the words that stand there: off is "off", not False.

    Raises:
        ValueError: not such a file.
    """
    import yaml

    class Words(yaml.SafeLoader):
        yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # <<: another mapping

        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            if twice := [key for key in keys if keys.count(key) > 1]:
                raise yaml.YAMLError(f"{twice[0]} stands there twice")
            return super().construct_mapping(node, deep)

    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), Words)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not a readable YAML file ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f'{path}: it should map names to values, like "img_size: 320"')
    return values


def as_words(values: dict[str, Any]) -> list[str]:
    """Options and their values as the words of a command line."""
    words = []
    for name, value in values.items():
        words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return words


def _parser(options: type, prog: str, description: str, of_file: bool = False) -> _Parser:
    """A parser with an argument for each field, under the headings that the fields name.

    Args:
        of_file: whether it parses a YAML file: then it knows all fields, and sets those alone that stand there.
    """
    more: dict[str, Any] = {"argument_default": argparse.SUPPRESS} if of_file else {"formatter_class": _Help}
    parser = _Parser(prog=prog, description=description, allow_abbrev=False, **more)
    parser.in_file = () if of_file else tuple(names(options, "in_file"))
    groups: dict[str, Any] = {"": parser}
    for f in dataclasses.fields(options):
        if f.name in parser.in_file:
            continue
        if (group := f.metadata["group"]) not in groups:
            groups[group] = parser.add_argument_group(group)
        default = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
        settings: dict[str, Any] = {"help": f.metadata["help"]} | ({} if of_file else {"default": default})
        if isinstance(default, bool):
            settings |= {"type": parse_bool, "nargs": "?", "const": True, "metavar": "BOOL"}
        elif isinstance(default, list):
            settings |= {"nargs": "+", "metavar": f.name.upper(), "type": type((default or [""])[0])}
        else:
            settings |= {"type": type(default)}
            if f.metadata["choices"]:
                settings["choices"] = f.metadata["choices"]
            else:
                settings["metavar"] = f.name.upper()
        if f.metadata["at_least"] is not None:
            settings["type"] = _at_least(type(default), f.metadata["at_least"])
        if f.metadata["positional"]:
            parser.add_argument(f.name, **settings | {"nargs": "*"})
        else:
            groups[group].add_argument(f"--{f.name}", *f.metadata["aliases"], dest=f.name, **settings)
    return parser


def typed(options: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Values of a YAML file as the fields of an options dataclass have them.

    Raises:
        SystemExit: an unknown option or a bad value, named on stderr behind `where`.
    """
    return vars(_parser(options, where, "", of_file=True).parse_args(as_words(values)))


def parse(options: type, argv: list[str], prog: str, description: str) -> Any:
    """Reads a command line into an options dataclass; it wins over the options of its --config file.

    Args:
        options: dataclass whose fields were made by `option`.
        argv: words after the command's name.
        prog, description: shown by --help.

    Returns:
        An instance of `options`.

    Raises:
        SystemExit: 0 after --help; 2 for an unknown option, a bad value or a bad config, named on stderr.
    """
    parser = _parser(options, prog, description)
    values = vars(parser.parse_args(argv))
    try:
        if config := values.get("config"):
            parser.set_defaults(**typed(options, read_yaml(config), f"{prog}: {config}"))
            values = vars(parser.parse_args(argv))
            parser.prog = f"{prog}: {config}"  # named in a complaint about its values
        return options(**values)
    except ValueError as error:
        parser.error(str(error))


def _at_least(kind: type, lowest: float):
    def number(text: str):
        value = kind(text)
        if not lowest <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is below the smallest value, {lowest}, or no finite number")
        return value

    number.__name__ = kind.__name__
    return number

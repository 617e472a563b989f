"""A command line made of an options dataclass, whose fields give names, defaults and help (see utils.options).

Imports nothing heavy, so that --help answers at once.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

BOOLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


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
    metadata = locals() | {"free": free or local}
    kind: dict[str, Any] = {"default_factory": default.copy} if isinstance(default, list) else {"default": default}
    return dataclasses.field(**kind, metadata=metadata)


def names(options: type, mark: str) -> set[str]:
    """The options of a dataclass that have a mark of `option`: local, free or in_file."""
    return {f.name for f in dataclasses.fields(options) if f.metadata[mark]}


def _bool(text: str) -> bool:
    """What argparse's own bool() would not give: "False" is false."""
    if text.lower() not in BOOLS:
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False (write file names before such an option)")
    return BOOLS[text.lower()]


def _values(options: type, words: list[str], prog: str) -> dict[str, Any]:
    """Values of the options that stand in the words. A mistake ends in a line and SystemExit, status 2."""
    nothing = argparse.SUPPRESS  # no usage; and what is not given is not in the result: the dataclass has the defaults
    parser = argparse.ArgumentParser(prog, nothing, options.__doc__, argument_default=nothing, allow_abbrev=False)
    fields = dataclasses.fields(options)
    titles = dict.fromkeys(f.metadata["group"] for f in fields)
    groups = {title: parser.add_argument_group(title) if title else parser for title in titles}
    for f in fields:
        known, default = f.metadata, f.metadata["default"]
        kind: dict[str, Any] = {"type": type(default)}
        if known["choices"]:
            kind = {"choices": known["choices"]}
        elif isinstance(default, bool):
            kind = {"type": _bool, "nargs": "?", "const": True, "metavar": "BOOL"}
        elif isinstance(default, list):
            kind = {"type": type((default or [""])[0]), "nargs": "+"}
        shown = known["help"] + (f" (default: {default})" if default not in ("", []) else "")
        flags = [f.name] if known["positional"] else [f"--{f.name}", *known["aliases"]]
        groups[known["group"]].add_argument(*flags, help=nothing if known["in_file"] else shown, **kind)
    result = vars(parser.parse_intermixed_args(words))
    for f in fields:
        least, value = f.metadata["at_least"], result.get(f.name)
        if least is not None and value is not None and not least <= value < float("inf"):
            parser.error(f"--{f.name}: {value}: expected a finite number, at least {least}")
    return result


def read_yaml(path: str) -> dict[str, Any]:
    """A YAML file that maps names to values, every value as the words that stand there: off is "off", not False.
    Raises ValueError for another file.
    """
    import yaml

    class Words(yaml.SafeLoader):
        yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # <<: another mapping

        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            if twice := [key for key in keys if keys.count(key) > 1]:
                raise yaml.YAMLError(f"{twice[0]} occurs twice")
            return super().construct_mapping(node, deep)

    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), Words)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not a readable YAML file ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f'{path}: it should map names to values, like "img_size: 320"')
    return values


def typed(options: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Values of a YAML file as the fields of an options dataclass have them; mistakes end in SystemExit, see parse."""
    words: list[str] = []
    for name, value in values.items():
        words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return _values(options, words, where)


def parse(options: type, argv: list[str], prog: str) -> Any:
    """Reads a command line into an options dataclass; it wins over the options of its --config file.

    Args:
        options: dataclass whose fields were made by `option`, and whose docstring --help says first.
        argv: words after the command's name. prog: what was typed before them.

    Raises:
        SystemExit: 0 after --help; 2 for an unknown option, a bad value or a bad config, named on stderr.
    """
    given = _values(options, argv, prog)
    try:
        if wrong := given.keys() & names(options, "in_file"):
            raise ValueError(f"--{min(wrong)} is set only in a YAML file: write it there, and give it as --config")
        if config := given.get("config"):
            stored = read_yaml(config)
            if "config" in stored:
                raise ValueError(f"{config}: a recipe cannot name another recipe: remove config")
            given = typed(options, stored, f"{prog}: {config}") | given
        return options(**given)
    except ValueError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        raise SystemExit(2) from None

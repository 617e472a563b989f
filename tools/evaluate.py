"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from collections.abc import Iterable
from pathlib import Path

from ..data.check import look, report
from ..data.layouts import Pair, find_sets
from ..data.names import check_name, list_images
from ..evaluation.scores import files_by_name, write_scores
from ..evaluation.tables import printed
from ..utils.files import locked
from ..utils.progress import say
from .methods import Method
from .options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about them and one table, and writes the files.

    Raises FileNotFoundError, ValueError: nothing to score, missing or unusable maps, unusable masks. Raises OSError:
    the folder cannot be written to, or another run is at work there.
    """
    folders, output = map_folders(options), Path(options.output)
    sets = truths(options, folders.values())
    methods = [
        Method(name, maps_of(folder, dataset, len(sets)), pairs, name in options.blurred_maps)
        for dataset, pairs in sets.items()
        for name, folder in folders.items()
    ]
    if problems := [method.problem for method in methods if method.problem]:
        advice = "maps may all share a prefix or suffix; --gt FOLDER scores the images alone whose masks are in FOLDER"
        raise ValueError("\n".join([*problems, advice]))
    with locked(output):
        other = "in_focus" if options.white == "blurred" else "blurred"
        looks = look([pair for pairs in sets.values() for pair in pairs], sizes=False)
        say(report(looks, f"--gt FOLDER --white {other} swaps the two classes"))
        scores, problems = [], []
        for method in methods:
            try:
                scores.append(method.scores())
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("\n".join(problems))
        print(printed(scores), flush=True)
        write_scores(output, scores)
    print(f"scores in {output / 'scores.json'} and scores.csv")


def truths(options: EvaluateOptions, folders: Iterable[Path]) -> dict[str, list[Pair]]:
    """Masks of each set by the set's name, with their images; the mask itself stands for a missing image.

    Args:
        folders: those of maps; without images, their names tell what all masks of --gt have as prefix or suffix.
    """
    masks = Path(options.gt)
    if not options.gt:
        if options.white != "in_focus":
            raise ValueError("--white goes with --gt; in a dataset folder white means in focus")
        return find_sets(options.data_path, "test", options.datasets)
    if len(options.datasets) > 1:
        raise ValueError(f"--datasets {' '.join(options.datasets)}: --gt is the folder of one set")
    if not masks.is_dir():
        raise FileNotFoundError(f"{masks}: no such folder")
    name = check_name((options.datasets or [masks.resolve().name])[0])
    beside = next((path for path in (masks.parent / "image", masks.parent / "images") if path.is_dir()), None)
    images = files_by_name(beside, ()) if beside else {}
    names = images or {x for folder in folders for x in list_images(maps_of(folder, name, 1), (".npy", ".mat"))}
    truth = files_by_name(masks, names)
    if not truth:
        raise ValueError(f"{masks}: no images")
    return {name: [Pair(name, stem, images.get(stem, x), x, white=options.white) for stem, x in truth.items()]}


def map_folders(options: EvaluateOptions) -> dict[str, Path]:
    """The folder of each method of --maps, by its name. Raises ValueError: --maps or --blurred_maps are misspelt."""
    words = [text if "=" in text else f"{Path(text).name}={text}" for text in options.maps]
    folders = dict(word.split("=", 1) for word in words)
    if not words or len(folders) < len(words) or not all([*folders, *folders.values()]):
        given = " ".join(["--maps", *options.maps])
        raise ValueError(f"{given}: write NAME=DIR or DIR for each method, each name once")
    if unknown := set(options.blurred_maps) - folders.keys():
        raise ValueError(f"--blurred_maps {', '.join(sorted(unknown))}: no such method in --maps")
    return {name: Path(folder) for name, folder in folders.items()}


def maps_of(folder: Path, dataset: str, sets: int) -> Path:
    """A method's folder of maps of one set: with several sets FOLDER/SET, as test writes it."""
    folder = folder / dataset if sets > 1 or (folder / dataset).is_dir() else folder
    if not folder.is_dir():
        hint = "; with several sets, each needs a folder there (--datasets selects one)" if sets > 1 else ""
        raise FileNotFoundError(f"{folder}: no such folder{hint}")
    return folder

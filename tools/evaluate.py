"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ..data.check import look, report
from ..data.layouts import Pair, find_sets
from ..data.names import check_name, list_images
from ..evaluation.scores import files_by_name, write_scores
from ..evaluation.tables import printed
from ..utils.files import locked
from ..utils.progress import in_threads, say
from .methods import Method, score_file
from .options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about them and one table, and writes the files.

    Raises FileNotFoundError, ValueError: nothing to score, missing or unusable maps, unusable masks. Raises OSError:
    the folder cannot be written to, or another run is at work there.
    """
    folders, output = map_folders(options), Path(options.output)
    sets = truths(options, folders.values())
    methods: list[Method] = []
    for dataset, pairs in sets.items():
        known = {"masks": str(pairs[0].mask.parent)}
        if images := [pair.image for pair in pairs if pair.image != pair.mask]:
            known["images"] = str(images[0].parent)
        for name, folder in folders.items():
            white = {"maps": "blurred" if name in options.blurred_maps else "in_focus", "masks": options.white}
            files = known | {"maps": str(maps_of(folder, dataset, len(sets)))}
            methods.append(Method(name, dataset, files, white, {pair.stem: pair.mask for pair in pairs}))
    if problems := [method.problem for method in methods if method.problem]:
        advice = "maps may all share a prefix or suffix; --gt FOLDER scores the images alone whose masks are in FOLDER"
        raise ValueError("\n".join([*problems, advice]))
    with locked(output):
        other = "in_focus" if options.white == "blurred" else "blurred"
        looks = look([pair for pairs in sets.values() for pair in pairs], sizes=False)
        say(report(looks, f"--gt FOLDER --white {other} swaps the two classes"))
        calls = [call for method in methods for call in method.calls]
        results = list(in_threads(lambda call: score_file(*call), calls, "scoring", "map"))
        if unusable := [result for result in results if isinstance(result, str)]:
            raise ValueError("\n  ".join([f"{len(unusable)} map(s) cannot be used:", *unusable]))
        left = iter(results)
        scores = [method.scores(list(islice(left, len(method.calls)))) for method in methods]
        for method, scored in zip(methods, scores):
            say(method.remarks())
            if (error := scored.totals["mae"]) > 0.5:
                errors = f"MAE {error:.4f}, flipped {1 - error:.4f}"
                advice = "if white means blurred in them, use --blurred_maps (in the masks of --gt: --white)"
                print(f"warning: {method.name} on {method.dataset} looks inverted: {errors}; {advice}")
        print(printed(scores), flush=True)
        write_scores(output, scores)
    print(f"scores in {output / 'scores.json'}, scores.csv and curves.csv")


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

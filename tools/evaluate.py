"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from pathlib import Path

from ..data.check import look, report
from ..data.layouts import Pair
from ..data.names import check_name, glob_folders, list_images
from ..evaluation.scores import files_by_name, write_scores
from ..evaluation.tables import printed
from ..utils.files import locked
from ..utils.processes import in_processes
from ..utils.progress import bar, cores, say
from .methods import KINDS, Method, score_file
from .options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about them and one table, and writes the files.

    Raises:
        FileNotFoundError, ValueError: nothing to score, missing or unusable maps, unusable masks.
        OSError: the folder cannot be written to, or another run is at work there.
    """
    sets, folders, output = truths(options), map_folders(options), Path(options.output)
    methods: list[Method] = []
    pairs: list[Pair] = []
    for dataset, masks in sets.items():
        of_set = {name: maps_of(folder, dataset, len(sets)) for name, folder in folders.items()}
        beside = images_beside(masks)
        images = files_by_name(beside, ()) if beside.is_dir() else {}
        truth = files_by_name(masks, images or list_images(next(iter(of_set.values())), (".npy", ".mat")))
        if not truth:
            raise ValueError(f"{masks}: no images")
        pairs += [Pair(dataset, x, images.get(x, path), path, white=options.white) for x, path in truth.items()]
        known = {"images": str(beside)} if images.keys() & truth.keys() else {}
        for name, folder in of_set.items():
            white = {"maps": "blurred" if name in options.blurred_maps else "in_focus", "masks": options.white}
            methods.append(Method(name, dataset, known | {"masks": str(masks), "maps": str(folder)}, white, truth))
    refuse(methods, "missing", options)
    with locked(output):
        other = "in_focus" if options.white == "blurred" else "blurred"
        say(report(look(pairs, sizes=False), f"--gt FOLDER --white {other} swaps the two classes"))
        work = [(method, name) for method in methods for name in method.maps]
        results = in_processes(score_file, (method.call(name) for method, name in work), len(work), cores())
        for result, (method, _) in zip(bar(results, "scoring", len(work), "map"), work):
            method.add(result)
        refuse(methods, "unusable", options)
        scores = [method.scores() for method in methods]
        for method, scored in zip(methods, scores):
            say(method.remarks())
            if (error := scored.totals["mae"]) > 0.5:
                errors = f"MAE {error:.4f}, flipped {1 - error:.4f}"
                advice = "if white means blurred in them, use --blurred_maps (in the masks of --gt: --white)"
                print(f"warning: {method.name} on {method.dataset} looks inverted: {errors}; {advice}")
        print(printed(scores), flush=True)
        write_scores(output, scores)
    print(f"scores in {output / 'scores.json'}, scores.csv and curves.csv")


def truths(options: EvaluateOptions) -> dict[str, Path]:
    """The folder of masks of each set, by the set's name."""
    root = Path(options.data_path)
    if options.gt:
        if len(options.datasets) > 1:
            raise ValueError(f"--datasets {' '.join(options.datasets)}: --gt is the folder of one set")
        sets = {check_name((options.datasets or [Path(options.gt).resolve().name])[0]): Path(options.gt)}
    elif options.white != "in_focus":
        raise ValueError("--white goes with --gt; in a dataset folder white means in focus")
    else:
        names = options.datasets or [path.parent.parent.name for path in glob_folders(root, "*/Test/masks")]
        if not names:
            raise ValueError(f"{root}: no test sets here ({root}/*/Test/masks); --gt names a folder of masks")
        sets = {name: root / check_name(name) / "Test/masks" for name in names}
    for folder in sets.values():
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
    return sets


def images_beside(masks: Path) -> Path:
    """The folder of images beside a folder of masks, which may be missing."""
    beside = masks.parent / "image"  # as CUHK is published
    return beside if beside.is_dir() else beside.with_name("images")


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


def refuse(methods: list[Method], kind: str, options: EvaluateOptions) -> None:
    """Raises ValueError where a method has notes of this kind without --allow_missing."""
    lines = [line for method in methods if method.notes[kind] for line in method.remarks()]
    if lines and not options.allow_missing:
        raise ValueError("\n".join([f"{KINDS[kind]}; --allow_missing scores the others", *lines]))

"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from pathlib import Path

from ..data.check import look, report
from ..data.layouts import Pair
from ..data.names import check_name, glob_folders, list_images
from ..evaluation.scores import MethodScores, Pictures, write_scores
from ..evaluation.scoring import in_processes, score_file
from ..evaluation.tables import printed
from ..utils.files import locked
from ..utils.progress import bar, cores, say
from .methods import KINDS, Method, match, one_each
from .options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about each method and one table, and writes the files.

    Raises:
        FileNotFoundError, ValueError: nothing to score, missing or unusable maps, unusable masks.
        OSError: the folder cannot be written to, or another run is at work there.
    """
    methods, output = read_methods(options), Path(options.output)
    dataset, folder, images = truth(options)
    for needed in (folder, *(method.folder for method in methods)):
        if not needed.is_dir():
            raise FileNotFoundError(f"{needed}: no such folder")
    masks = chosen_masks(folder)
    found = list_images(images) if images.is_dir() else {}
    images_of = {stem: found[stem][0] for stem in masks.keys() & found.keys()}
    for method in methods:
        match(method, masks)
    fail_unless_complete(methods, "missing", options)
    with locked(output):
        other = "in_focus" if options.white == "blurred" else "blurred"
        pairs = [Pair(dataset, x, images_of.get(x, y), y, white=options.white) for x, y in masks.items()]
        say(remarks := report(look(pairs, sizes=False), f"--gt FOLDER --white {other} turns it round"))
        warnings = [remark for remark in remarks if "WARNING" in remark]
        maps = [(method, stem) for method in methods for stem in method.maps]
        calls = ((stem, it.maps[stem], masks[stem], it.white, options.white) for it, stem in maps)
        results = in_processes(score_file, calls, len(maps), cores())
        for result, (method, stem) in zip(bar(results, "scoring", len(maps), "map"), maps):
            method.add(stem, result)
        fail_unless_complete(methods, "unusable", options)
        scores = []
        for method in methods:
            print(*(f"{remark}\n" for remark in method.remarks()), sep="", end="")
            warnings += method.warnings()
            about = {"notes": {kind: names for kind, names in method.notes.items() if names}}
            where = str(images) if images_of else "", str(folder), str(method.folder)
            files = Pictures(*where, options.white, method.white)
            scores.append(MethodScores.of(method.name, dataset, method.scores, pictures=files, about=about))
        print(printed(scores), *warnings, sep="\n", flush=True)
        write_scores(output, scores)
    print(f"scores in {output / 'scores.json'}, scores.csv and curves.csv")


def truth(options: EvaluateOptions) -> tuple[str, Path, Path]:
    """The set's name, the folder of its masks, and the folder of images beside it, which may be missing."""
    root = Path(options.data_path)
    if options.gt:
        name, masks = options.dataset or Path(options.gt).resolve().name, Path(options.gt)
    elif options.white != "in_focus":
        raise ValueError("--white goes with --gt; in a dataset folder white means in focus")
    else:
        found = [path.parent.parent.name for path in glob_folders(root, "*/Test/masks")]
        if not options.dataset and len(found) != 1:
            sets = f"{', '.join(found) or 'no test sets'} here ({root}/*/Test/masks)"
            raise ValueError(f"{root}: {sets}; --dataset names one, or --gt a folder of masks")
        name = options.dataset or found[0]
        masks = root / name / "Test/masks"
    beside = masks.parent / "image"  # as CUHK is published
    return check_name(name), masks, beside if beside.is_dir() else beside.with_name("images")


def chosen_masks(folder: Path) -> dict[str, Path]:
    """All masks of a folder by stem; a ValueError where there is none, or a stem has several."""
    if not (found := list_images(folder)):
        raise ValueError(f"{folder}: no images")
    return one_each(found, found, folder)


def read_methods(options: EvaluateOptions) -> list[Method]:
    """The methods of --maps; a ValueError where they or --blurred_maps are misspelt."""
    words = [text if "=" in text else f"{Path(text).name}={text}" for text in options.maps]
    folders = [(name, folder) for name, _, folder in (word.partition("=") for word in words)]
    names = [name for name, folder in folders if folder]
    if not words or not all(names) or len(set(names)) < len(words):
        raise ValueError(f"--maps {' '.join(options.maps)}: write NAME=DIR, or DIR, of each method, and each name once")
    if unknown := set(options.blurred_maps) - set(names):
        raise ValueError(f"--blurred_maps {', '.join(sorted(unknown))}: no such method in --maps")
    whites = {name: "blurred" if name in options.blurred_maps else "in_focus" for name in names}
    return [Method(name, Path(folder), whites[name]) for name, folder in folders]


def fail_unless_complete(methods: list[Method], kind: str, options: EvaluateOptions) -> None:
    """Raises ValueError where a method has notes of this kind without --allow_missing, or where no map has a score."""
    lost = [method for method in methods if kind == "unusable" and not method.scores.rows]
    if lost or not options.allow_missing and any(method.notes[kind] for method in methods):
        what = "not one map could be scored" if lost else f"{KINDS[kind]}; --allow_missing scores the others"
        raise ValueError("\n".join([what, *(line for method in lost or methods for line in method.remarks(None))]))

"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from collections.abc import Iterable
from pathlib import Path

from ..data.check import look, report
from ..data.layouts import Pair
from ..evaluation.methods import HALF, KINDS, Method, remarks, shortened
from ..evaluation.metrics import columns_of
from ..evaluation.report.tables import printed
from ..evaluation.scores import MethodScores, Pictures, write_scores
from ..evaluation.scoring import in_processes, score_file
from ..utils.files import check_name, common_affixes, list_images, locked, read_lines
from ..utils.picture_names import glob_folders, is_picture
from ..utils.progress import bar, cores
from ..utils.tool_options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about each method and one table, and writes the files.

    Raises:
        FileNotFoundError, ValueError: nothing to score, unknown names, missing or unusable maps, unusable masks.
        OSError: the folder cannot be written to, or another run is at work there; found before the work, if it can be.
    """
    columns, output = columns_of(options.protocols), Path(options.output)
    dataset, pictures = truth(options)
    masks = chosen_masks(pictures["masks"], options.names)
    other = "in_focus" if options.white == "blurred" else "blurred"
    photographs = list_images(Path(pictures["images"])) if pictures["images"] else {}
    truths = [
        Pair(dataset, stem, photographs.get(stem, [path])[0], path, white=options.white) for stem, path in masks.items()
    ]
    methods = read_methods(options)
    for method in methods:
        match(method, masks, partly=bool(options.names))
    fail_unless_complete(methods, options, "missing")
    with locked(output):
        warnings = report(look(truths, sizes=False), f"--gt FOLDER --white {other} turns it round")
        scores = score(methods, masks, columns, options, dataset, pictures)
        for method in methods:
            print(remarks(method), end="")
        print(printed(scores), *warnings, sep="\n")
        print(polarity_doubt(scores, bool(options.gt)), end="", flush=True)
        write_scores(output, scores)
    print(f"scores in {output / 'scores.json'}, scores.csv and curves.csv")


def score(
    methods: list[Method],
    masks: dict[str, Path],
    columns: Iterable[str],
    options: EvaluateOptions,
    dataset: str,
    pictures: dict[str, str],
) -> list[MethodScores]:
    """Scores of every method, and notes on what is odd about its maps; raises as run.

    Args:
        dataset, pictures: what truth gives.
    """
    maps = [(method, stem) for method in methods for stem in method.maps]
    calls = ((stem, it.maps[stem], masks[stem], it.white, options.white, columns) for it, stem in maps)
    results = in_processes(score_file, calls, len(maps), options.processes or cores())
    for result, (method, _) in zip(bar(results, "scoring", len(maps), "map"), maps):
        method.add(result)
    scores = []
    for method in methods:
        if method.scores.rows and method.white == "in_focus" and method.highest < HALF:
            # One map may be that dark; all of them were saved as 0 and 1.
            if method.highest == 1:
                raise ValueError(f"{method.folder}: no map of {method.name} has a level above 1 of 255; save 1 as 255")
            above = f"above {method.highest} of 255: is 1 meant by {method.highest}?"
            print(f"warning: no map of {method.name} has a level {above}")
        if method.scores.rows:
            where = Pictures(**pictures, maps=str(method.folder), masks_white=options.white, maps_white=method.white)
            about = {"notes": {kind: lines for kind, lines in method.notes.items() if lines}}
            scores.append(MethodScores.of(method.name, dataset, method.scores, pictures=where, about=about))
    fail_unless_complete(methods, options, "unusable")
    if len(scores) < len(methods):
        lost = [method for method in methods if not any(scored.method == method.name for scored in scores)]
        raise ValueError("not one map could be scored\n" + "".join(remarks(method, None) for method in lost))
    return scores


def truth(options: EvaluateOptions) -> tuple[str, dict[str, str]]:
    """The set's name, and the folders of its masks and photographs.

    Raises:
        FileNotFoundError, ValueError: no such folder; several test sets to choose from.
    """
    if options.gt:
        name = options.dataset or Path(options.gt).resolve().name
        pictures = {"masks": options.gt, "images": options.images}
    else:
        if options.images or options.white != "in_focus":
            raise ValueError("--white and --images go with --gt; in a dataset folder white means in focus")
        root = Path(options.data_path)
        found = [path.parent.parent.name for path in glob_folders(root, "*/Test/masks")]
        if not options.dataset and len(found) != 1:
            raise ValueError(
                f"{root}: {', '.join(found) or 'no test sets'} here ({root}/*/Test/masks); --dataset names one, "
                "or --gt a folder of masks"
            )
        name = options.dataset or found[0]
        pictures = {what: str(root / name / "Test" / what) for what in ("masks", "images")}
        if not Path(pictures["images"]).is_dir():
            pictures["images"] = ""  # needed for pictures alone
    check_name(name)
    for folder in pictures.values():
        if folder and not Path(folder).is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
    return name, pictures


def chosen_masks(folder: str, names: str) -> dict[str, Path]:
    """Masks to score against, by stem: all of the folder, or those that the file `names` lists.

    Raises:
        ValueError: no masks, two with one stem, a listed one that is not there.
    """
    found = list_images(Path(folder))
    if not found:
        raise ValueError(f"{folder}: no pictures")
    if doubled := [f"{paths[0].name} and {paths[1].name}" for paths in found.values() if len(paths) > 1]:
        raise ValueError(f"{folder}: two masks for one image: {shortened(doubled)}")
    masks = {stem: paths[0] for stem, paths in found.items()}
    if not names:
        return masks
    lines = read_lines(Path(names))
    stems = dict.fromkeys(Path(x).stem if is_picture(Path(x)) else x for x in lines)
    if not stems:
        raise ValueError(f"{names}: no names in it")
    if absent := [stem for stem in stems if stem not in masks]:
        raise ValueError(f"{names}: {len(absent)} of its names have no mask in {folder}: {shortened(absent)}")
    return {stem: masks[stem] for stem in stems}


def read_methods(options: EvaluateOptions) -> list[Method]:
    """The methods of --maps, with the polarity of each.

    Raises:
        FileNotFoundError, ValueError: none, one misspelt, a name twice, no such folder, an unknown name.
    """
    if not options.maps:
        raise ValueError("--maps names the methods, as NAME=DIR, or DIR for a folder of that name")
    methods: dict[str, Method] = {}
    for text in options.maps:
        name, _, folder = text.partition("=") if "=" in text else (Path(text).name, "", text)
        if not name or not folder:
            raise ValueError(f"--maps {text}: write NAME=DIR, or DIR alone")
        if name in methods:
            raise ValueError(f"--maps: {name} is there twice")
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"{folder}: no such folder (maps of {name})")
        methods[name] = Method(name, Path(folder), "blurred" if name in options.blurred_maps else "in_focus")
    if unknown := set(options.blurred_maps) - methods.keys():
        raise ValueError(f"--blurred_maps {', '.join(sorted(unknown))}: no such method in --maps")
    return list(methods.values())


def match(method: Method, masks: dict[str, Path], partly: bool) -> None:
    """Finds the method's map of each mask, and notes what is missing or extra; with `partly`, extra maps are expected.

    Raises:
        ValueError: two maps for one mask, or not one that fits.
    """
    found = list_images(method.folder, (".npy", ".mat"))
    if not masks.keys() & found.keys() and any(affixes := common_affixes(masks, found)):
        prefix, suffix = affixes
        print(f"{method.folder}: maps are named as the masks with {prefix}{suffix} {'before' if prefix else 'behind'}")
        ends = len(suffix) and -len(suffix) or None
        found = {stem[len(prefix) : ends]: paths for stem, paths in found.items()}
    if doubled := [", ".join(p.name for p in paths) for stem, paths in found.items() if stem in masks and paths[1:]]:
        raise ValueError(f"{method.folder}: two maps for one mask: {shortened(doubled)}")
    method.maps = {stem: found[stem][0] for stem in masks if stem in found}
    if not method.maps:
        example = next((paths[0].name for paths in found.values()), "no map at all")
        mask = next(iter(masks.values())).name
        raise ValueError(f"{method.folder}: not one map is named as its mask is (a mask: {mask}; a map: {example})")
    method.notes["missing"] = [stem for stem in masks if stem not in found]
    method.notes["extra"] = [paths[0].name for stem, paths in found.items() if stem not in masks and not partly]


def fail_unless_complete(methods: list[Method], options: EvaluateOptions, kind: str) -> None:
    """Raises ValueError with all that is odd when a method has notes of this kind and --allow_missing is not set."""
    if not options.allow_missing and any(method.notes[kind] for method in methods):
        found = "".join(remarks(method, None) for method in methods)
        raise ValueError(f"{KINDS[kind]}; --allow_missing scores the others\n{found}")


def polarity_doubt(scores: "list[MethodScores]", own_masks: bool) -> str:
    """A warning for each method whose maps fit better when flipped: its MAE is above one half.

    Args:
        own_masks: whether the masks are those of --gt, whose polarity is the user's word.
    """
    doubtful = [scored for scored in scores if scored.totals["mae"] > 0.5]
    hint = "--blurred_maps; or --white, if it is the masks" if own_masks else "--blurred_maps"
    return "".join(
        f"warning: {scored.method} looks inverted: "
        f"MAE {scored.totals['mae']:.4f}, flipped {1 - scored.totals['mae']:.4f}; "
        f"if white means blurred there, say so ({hint})\n"
        for scored in doubtful
    )

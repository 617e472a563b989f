"""`evaluate`: scores of saved maps, ours or another method's, without a model."""

from dataclasses import replace
from pathlib import Path

from ..data.check import Look, look, report
from ..data.layouts import Pair
from ..data.names import check_name, glob_folders, list_images
from ..evaluation.scores import MethodScores, files_by_name, write_scores
from ..evaluation.tables import printed
from ..utils.files import locked
from ..utils.processes import in_processes
from ..utils.progress import bar, cores, say
from .methods import KINDS, Method, one_each, score_file, shortened
from .options import EvaluateOptions


def run(options: EvaluateOptions) -> None:
    """Scores all maps, prints what is odd about each method and one table, and writes the files.

    Raises:
        FileNotFoundError, ValueError: nothing to score, missing or unusable maps, unusable masks.
        OSError: the folder cannot be written to, or another run is at work there.
    """
    sets, output = truths(options), Path(options.output)
    methods = [method for dataset, masks in sets.items() for method in methods_of(options, dataset, len(sets))]
    pairs, folders = [], {}
    for dataset, masks in sets.items():
        own = [method for method in methods if method.dataset == dataset]
        images = images_beside(masks)
        found = list_images(images) if images.is_dir() else {}
        names = found or list_images(own[0].folder, (".npy", ".mat"))
        by_name = one_each(named := files_by_name(masks, names)[0], named, masks)
        if not by_name:
            raise ValueError(f"{masks}: no images")
        for method in own:
            method.masks = by_name
            method.match()
        images_of = one_each(found, by_name, images)
        pairs += [Pair(dataset, x, images_of.get(x, y), y, white=options.white) for x, y in by_name.items()]
        folders[dataset] = {"images": str(images) if images_of else "", "masks": str(masks)}
        folders[dataset]["masks_white"] = options.white
    fail_unless_complete(methods, "missing", options)
    with locked(output):
        warnings, scores = look_at(pairs, options), []
        maps = [(method, stem) for method in methods for stem in method.maps]
        calls = ((stem, it.maps[stem], it.masks[stem], it.white, options.white) for it, stem in maps)
        results = in_processes(score_file, calls, len(maps), cores())
        for result, (method, stem) in zip(bar(results, "scoring", len(maps), "map"), maps):
            method.add(stem, result)
        fail_unless_complete(methods, "unusable", options)
        for method in methods:
            say(method.remarks())
            warnings += method.warnings()
            notes = {kind: names for kind, names in method.notes.items() if names}
            about = {"notes": notes, "traits": method.traits()}
            files = folders[method.dataset] | {"maps": str(method.folder), "maps_white": method.white}
            scores.append(MethodScores.of(method.name, method.dataset, method.scores, pictures=files, about=about))
        print(printed(scores), *warnings, sep="\n", flush=True)
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


def methods_of(options: EvaluateOptions, dataset: str, sets: int) -> list[Method]:
    """The methods of --maps on a set; with several sets, a method has a folder for each, as test writes maps/SET.

    Raises:
        FileNotFoundError, ValueError: no such folder; --maps or --blurred_maps are misspelt.
    """
    words = [text if "=" in text else f"{Path(text).name}={text}" for text in options.maps]
    folders = [(name, Path(folder)) for name, _, folder in (word.partition("=") for word in words) if folder]
    names = [name for name, _ in folders]
    if not words or not all(names) or len(set(names)) < len(words):
        given = " ".join(["--maps", *options.maps])
        raise ValueError(f"{given}: write NAME=DIR or DIR for each method, each name once")
    if unknown := set(options.blurred_maps) - set(names):
        raise ValueError(f"--blurred_maps {', '.join(sorted(unknown))}: no such method in --maps")
    methods = []
    for name, folder in folders:
        folder = folder / dataset if sets > 1 or (folder / dataset).is_dir() else folder
        if not folder.is_dir():
            of_set = "; with several sets, each needs a folder there (--datasets selects one)" if sets > 1 else ""
            raise FileNotFoundError(f"{folder}: no such folder{of_set}")
        methods.append(Method(name, dataset, folder, "blurred" if name in options.blurred_maps else "in_focus", {}))
    return methods


def look_at(pairs: list[Pair], options: EvaluateOptions) -> list[str]:
    """Says what is odd about the masks; returns the warnings. With --allow_missing damaged images are passed over."""
    looks: list[Look] = look(pairs, sizes=False)
    if options.allow_missing and (damaged := [one for one in looks if one.problem]):
        again = look([replace(one.pair, image=one.pair.mask) for one in damaged])  # the masks alone
        print(f"images that cannot be read, not needed ({len(damaged)}): {shortened([x.problem for x in damaged])}")
        looks = [one for one in looks if not one.problem] + again
    other = "in_focus" if options.white == "blurred" else "blurred"
    try:
        say(remarks := report(looks, f"--gt FOLDER --white {other} swaps the two classes"))
    except ValueError as error:
        advice = (
            "" if options.allow_missing else "\n--allow_missing continues without damaged images; all masks are there"
        )
        raise ValueError(f"{error}{advice}") from None
    return [remark for remark in remarks if "WARNING" in remark]


def fail_unless_complete(methods: list[Method], kind: str, options: EvaluateOptions) -> None:
    """Raises ValueError where a method has notes of this kind without --allow_missing, or where no map has a score."""
    lost = [method for method in methods if kind == "unusable" and not method.scores.rows]
    if lost or not options.allow_missing and any(method.notes[kind] for method in methods):
        what = "not one map could be scored" if lost else f"{KINDS[kind]}; --allow_missing scores the others"
        raise ValueError("\n".join([what, *(line for method in lost or methods for line in method.remarks(None))]))

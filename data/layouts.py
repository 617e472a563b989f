"""How defocus data sets are published, and the dataset folder: names, polarity, split, pairs of files."""

from dataclasses import dataclass
from pathlib import Path

from ..utils.files import read_lines
from .names import glob_folders, pair_by_stem

SPLITS = Path(__file__).parent.parent / "configs" / "splits"
IMAGES = {"train": "Train/*/images", "test": "*/Test/images"}  # in the dataset folder, by split


@dataclass(frozen=True)
class Layout:
    """One pair of sibling folders, by their names, as somebody publishes them."""

    images: str
    masks: str
    dataset: str  # whose images they hold
    split: str  # "train", "test", or "list" where a list names the test images
    white: str  # what white means in the masks, "in_focus" or "blurred"
    prefix: str = ""  # what the names of the set's images begin with, where others lie beside them


LAYOUTS = (
    Layout("image", "gt", "CUHK", "list", "blurred", "out_of_focus"),  # its authors', with images of motion blur
    Layout("DUT600S_Training", "DUT600GT_Training", "DUT", "train", "in_focus"),  # its authors'
    Layout("DUT500S-Testing", "DUT500GT-Testing", "DUT", "test", "in_focus"),
    Layout("1204source", "1204gt", "CUHK_DUT", "train", "in_focus"),  # the 320 x 320 pack of many papers
    Layout("xu100-source", "xu100-gt", "CUHK", "test", "in_focus"),
    Layout("dut500-source", "dut500-gt", "DUT", "test", "in_focus"),
)


@dataclass(frozen=True)
class Pair:
    """One image with its ground truth, in a published data set or in the dataset folder."""

    dataset: str
    stem: str  # the image's name in the set
    image: Path
    mask: Path
    is_test: bool = False  # the split, for Train/DATASET or DATASET/Test
    white: str = "in_focus"  # what white means in the mask, or "blurred"
    trimap: bool = False  # whether the mask may hold pixels that are unknown, see read_levels

    @property
    def name(self) -> str:
        return f"{self.dataset}/{self.stem}"

    def folder(self, data_path: Path) -> Path:
        """Where the dataset folder has it."""
        return data_path / self.dataset / "Test" if self.is_test else data_path / "Train" / self.dataset


def detect(source: Path) -> tuple[list[tuple[Layout, Path, Path]], list[str]]:
    """Known layouts up to four levels below a folder: (layout, images, masks) each, and what is wrong."""
    if not source.is_dir():
        return [], [f"{source}: no such folder"]
    folders = {path for level in range(4) for path in glob_folders(source, "*/" * level + "*") if path.is_dir()}
    parts: list[tuple[Layout, Path, Path]] = []
    problems: list[str] = []
    for layout in LAYOUTS:
        for parent in sorted({path.parent for path in folders}):
            images, masks = parent / layout.images, parent / layout.masks
            if folders >= {images, masks}:
                parts.append((layout, images, masks))
            elif folders & {images, masks} and layout.split != "list":  # anything may be called image or gt
                problems.append(f"{parent}: only one of {layout.images} and {layout.masks} is here")
    if not parts and not problems:
        known = ", ".join(f"{layout.images} + {layout.masks}" for layout in LAYOUTS)
        problems = [f"{source}: none of the known folder pairs ({known}); --images and --masks name any other"]
    return parts, problems


def pairs_of(layout: Layout, images: Path, masks: Path, test_list: Path | None = None) -> tuple[list[Pair], list[str]]:
    """Pairs of two folders with their split, and what is wrong, a line each, see pair_by_stem.

    A text file lists the stems of the test images, one a line, for the split "list": test_list, else the data set's own
    in configs/splits, else test.txt beside the folders.
    """
    found, problems = pair_by_stem(images, masks)
    found = {stem: files for stem, files in found.items() if stem.startswith(layout.prefix)}
    tests = set(found) if layout.split == "test" else set()
    if layout.split == "list":
        known = SPLITS / f"{layout.dataset}_test.txt"
        listing = test_list or (known if known.is_file() else images.parent / "test.txt")
        if listing.is_file():
            tests = set(read_lines(listing))
            if not problems and tests.isdisjoint(found):
                raise ValueError(f"{images}: none of the test images of {listing}; another set needs --dataset NAME")
            problems += [f"{stem}: in {listing}, but not in {images}" for stem in sorted(tests - set(found))]
        else:
            problems.append(f"{listing}: no such file; give --split train, --split test or --test_list FILE")
    white = layout.white
    return [Pair(layout.dataset, s, *files, s in tests, white) for s, files in found.items()], problems


def set_folders(data_path: Path, split: str) -> dict[str, Path]:
    """Folders of the sets below a dataset folder, by name, sorted: Train/NAME or, for the split "test", NAME/Test."""
    folders = [path.parent for path in glob_folders(data_path, IMAGES[split])]
    return {(folder.name if split == "train" else folder.parent.name): folder for folder in folders}


def find_sets(data_path: str, split: str, names: list[str]) -> dict[str, list[Pair]]:
    """Pairs of each data set below a dataset folder, by set, both sorted by name.

    Args:
        split: "train" (Train/NAME/{images,masks} or {images,trimaps}) or "test" (NAME/Test/{images,masks}).
        names: sets to take; empty takes all that are there with whole masks.

    Raises FileNotFoundError: no set at all, or not one that was named; ValueError: a missing or doubled partner.
    """
    if not Path(data_path).is_dir():
        advice = "`prepare` writes one (docs/train.md), --data_path names it"
        raise FileNotFoundError(f"{data_path}: no such dataset folder; {advice}")
    folders = set_folders(Path(data_path), split)
    chosen = names or [name for name, folder in folders.items() if not (folder / "trimaps").is_dir()]
    missing = [name for name in chosen if name not in folders]
    if missing or not chosen:
        present = f"found: {', '.join(folders) or 'none'} (those with trimaps have to be named)"
        what = f"no {', '.join(missing) or 'data set'} with {split} images here ({IMAGES[split]})"
        raise FileNotFoundError(f"{data_path}: {what}; {present}. `prepare` makes this layout.")
    sets = {name: pairs_in(name, folders[name], split == "test") for name in sorted(chosen)}
    if problems := [problem for _, wrong in sets.values() for problem in wrong]:
        raise ValueError("images and ground truth do not match:\n  " + "\n  ".join(problems))
    return {name: pairs for name, (pairs, _) in sets.items()}


def pairs_in(name: str, folder: Path, is_test: bool = False) -> tuple[list[Pair], list[str]]:
    """Pairs of one set of a dataset folder, and what is wrong: missing and doubled partners, a line each."""
    images, trimap = folder / "images", (folder / "trimaps").is_dir()
    pairs, problems = pair_by_stem(images, folder / ("trimaps" if trimap else "masks"))
    return [Pair(name, stem, *files, is_test, trimap=trimap) for stem, files in pairs.items()], problems

"""Which files are images, and which belong together: by their names alone."""

import warnings
from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePath, PureWindowsPath

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".avif"),
    *(".heic", ".heics", ".heif", ".heifs", ".hif", *RAW_SUFFIXES),
    *(".jp2", ".jxl", ".pgm", ".ppm", ".psd", ".tga"),  # never read: refused by name instead of left out
)
NAMED = 5  # names that a message shows of a long list
# Thumbnails, bins and halves of files that systems keep beside images; hidden names are left out anyway.
OF_SYSTEMS = ("@eadir", "__macosx", "lost+found", "#recycle", "$recycle.bin", "system volume information")


def is_systems(name: str) -> bool:
    """Whether a file or folder is hidden, or of a system: .DS_Store, ._photo.jpg, @eaDir, __MACOSX ..."""
    return name.startswith(".") or name.casefold() in OF_SYSTEMS


def is_image(path: PurePath) -> bool:
    """Whether a file is an image by its name."""
    return path.suffix.lower() in SUFFIXES and not is_systems(path.name)


def glob_folders(root: Path, pattern: str) -> list[Path]:
    """What a pattern finds below a folder, sorted, without what lies in a hidden or a system's folder."""
    return sorted(path for path in root.glob(pattern) if not any(map(is_systems, path.relative_to(root).parts)))


def listing(names: list) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more


def check_name(name: str) -> str:
    """A data set's name, which becomes a part of paths. Raises ValueError where it would lead elsewhere."""
    if PureWindowsPath(name).name != name or name in ("", ".", ".."):  # which knows both kinds of slashes
        raise ValueError(f"{name!r}: a set's name is part of file names; it cannot be a path")
    return name


def list_images(folder: Path, more: tuple[str, ...] = ()) -> dict[str, list[Path]]:
    """Image files of a folder, and those with `more` suffixes, by stem, sorted; a stem with several files keeps all.
    Raises ValueError: a folder lies among them, whose images would be left out.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not is_systems(path.name):
            raise ValueError(f"{path}: a folder among the images of {folder}: move its images up, or move it away")
        if is_image(path) or path.suffix in more:
            found.setdefault(path.stem, []).append(path)
    return found


def pair_by_stem(images: Path, masks: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Pairs (image, mask) of two folders by the image's stem, sorted; and what is wrong, a line each: a missing folder,
    a missing partner, a stem with several files. A warning names a prefix or suffix that masks have more.
    """
    if problems := [f"{folder}: no such folder" for folder in (images, masks) if not folder.is_dir()]:
        return {}, problems
    left, right = list_images(images), list_images(masks)
    prefix, suffix = common_affixes(left, right)
    if prefix or suffix:
        where = f"{prefix} before" if prefix else f"{suffix} behind"
        warnings.warn(f"{masks}: masks are named like their images, with {where}", stacklevel=2)
    mask_of = {stem: prefix + stem + suffix for stem in left}
    pairs = {stem: (left[stem][0], right[mask][0]) for stem, mask in mask_of.items() if mask in right}
    for files, partners, folder in ((left, pairs.keys(), masks), (right, set(mask_of.values()), images)):
        for stem, paths in files.items():
            if len(paths) > 1:
                problems.append(f"{paths[0]}: doubled stem, also {', '.join(p.name for p in paths[1:])}")
            if stem not in partners:
                problems.append(f"{paths[0]}: no partner in {folder}")
    return pairs, problems if pairs or problems else [f"{images}: no images"]


def common_affixes(left: Collection[str], right: Collection[str]) -> tuple[str, str]:
    """What most stems of masks or maps (right) have more than those of their images (left): (prefix, suffix).

    One of the two is empty; both are where fewer than half of the right stems have one in common.
    """
    found: Counter[tuple[str, str]] = Counter()
    for stem in right:
        found.update(("", stem[end:]) for end in range(1, len(stem) + 1) if stem[:end] in left)
        found.update((stem[:start], "") for start in range(len(stem) - 1, 0, -1) if stem[start:] in left)
    # The shorter one of a tie: one map 11_pred has "_pred" behind 11, not "1_pred" behind 1.
    affixes, count = max(found.items(), key=lambda it: (it[1], -len("".join(it[0]))), default=(("", ""), 0))
    return affixes if 2 * count >= len(right) else ("", "")

"""Which files and folders are images, and which a system left there: by their names alone."""

from functools import cache
from pathlib import Path, PurePath

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
# What needs another package or a newer Pillow: where it is missing, the file is refused by its name, not left out.
EXTRA_SUFFIXES = (".avif", ".heic", ".heics", ".heif", ".heifs", ".hif", *RAW_SUFFIXES)
NO_PHOTOGRAPHS = (
    *("BUFR", "FITS", "GRIB", "HDF5"),  # measurements; .fit is a sports watch's, too
    *("CUR", "ICNS", "ICO", "XBM", "XPM"),  # icons
    *("EPS", "PDF", "PALM", "WMF"),  # documents and drawings, of which Pillow reads none without another program
    *("FLI", "IPTC", "MPEG"),  # films, and texts about images
)
# Thumbnails, bins and halves of files that systems keep beside images; hidden names are left out anyway.
OF_SYSTEMS = ("@eadir", "__macosx", "lost+found", "#recycle", "$recycle.bin", "system volume information")


@cache
def image_suffixes() -> frozenset[str]:
    """Suffixes of images, in small letters: those that the Pillow of this machine knows, and EXTRA_SUFFIXES."""
    from PIL import Image  # with its plug-ins a tenth of a second, which --help need not wait for

    known = Image.registered_extensions()
    return frozenset({*EXTRA_SUFFIXES, *(suffix for suffix, kind in known.items() if kind not in NO_PHOTOGRAPHS)})


def is_systems(name: str) -> bool:
    """Whether a file or folder is hidden, or of a system: .DS_Store, ._photo.jpg, @eaDir, __MACOSX ..."""
    return name.startswith(".") or name.casefold() in OF_SYSTEMS


def is_image(path: PurePath) -> bool:
    """Whether a file is an image by its name."""
    return path.suffix.lower() in image_suffixes() and not is_systems(path.name)


def glob_folders(root: Path, pattern: str) -> list[Path]:
    """What a pattern finds below a folder, sorted, without what lies in a hidden or a system's folder."""
    return sorted(path for path in root.glob(pattern) if not any(map(is_systems, path.relative_to(root).parts)))

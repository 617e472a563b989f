"""Names, links and folders among good pairs, with what becomes of each."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ran.imaging.writing import write_image
from tests.faults.kinds import UNREADABLE
from tests.faults.making import BMP, JPEG_PLAIN, MAP, MASK, MASK_PNG, encoded


@dataclass(frozen=True)
class Folder:
    """Files arranged in the folders of photographs and masks, beside two good pairs.

    Attributes:
        kind: what it is, a line of the page.
        arrange: writes into (photographs, masks).
        outcomes: of the commands that it concerns, as in File; "left out: ..." for what is no picture by its name.
        named: what the sentence names, or the stems of the pictures that are done.
    """

    kind: str
    arrange: Callable[[Path, Path], None]
    outcomes: dict[str, str]
    named: tuple[str, ...]

    def in_command(self, command: str) -> str:
        return self.outcomes.get(command, "")


def put(*names: str, mates: bool = True) -> Callable[[Path, Path], None]:
    """Photographs of these names, with their masks."""

    def arrange(images: Path, masks: Path) -> None:
        for name in names:
            (images / name).write_bytes(JPEG_PLAIN)
            if mates:
                (masks / f"{Path(name).stem}.png").write_bytes(MASK_PNG)

    return arrange


def make(function: Callable[[Path], object], stem: str = "", mask: bool = False) -> Callable[[Path, Path], None]:
    """Whatever a function makes in the folder of photographs (of masks), with a partner of this stem."""

    def arrange(images: Path, masks: Path) -> None:
        function(masks if mask else images)
        if stem:
            other = images / f"{stem}.jpg" if mask else masks / f"{stem}.png"
            other.write_bytes(JPEG_PLAIN if mask else MASK_PNG)

    return arrange


def folder_with_a_picture(folder: Path) -> None:
    (folder / "album.jpg").mkdir()
    (folder / "album.jpg/in it.jpg").write_bytes(JPEG_PLAIN)


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


def of_systems(images: Path, masks: Path) -> None:
    """What a Mac, a NAS and a desktop put beside pictures and into ZIP files of them."""
    for folder in (images, masks):
        for name in (
            "._good_1.jpg",
            ".DS_Store",
            "@eaDir/thumb.jpg",
            ".thumbnails/a.jpg",
            ".Trash-1000/files/a.jpg",
            ".AppleDouble/good_1.jpg",
            "__MACOSX/._good_1.jpg",
            "lost+found/a.jpg",
        ):
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_bytes(b"\0\5\x16\7" if "._" in name else JPEG_PLAIN)


def doubled(folder: Path) -> None:
    (folder / "good_1.bmp").write_bytes(BMP)


def doubled_mask(folder: Path) -> None:
    (folder / "good_1.bmp").write_bytes(encoded(MASK, "BMP"))


PAIRED = ("prepare", "train", "test")
LONG = "x" * 251


def each(commands: tuple[str, ...], outcome: str) -> dict[str, str]:
    return dict.fromkeys(commands, outcome)


EVERYWHERE = each(PAIRED, "read: itself")
REFUSED = each(PAIRED, f"refused: {UNREADABLE}")
NO_PARTNER = each(PAIRED, "refused: no partner in")
LEFT = each(PAIRED, "left out: not a picture by its name")
FOLDERS = (
    Folder("name with spaces", put(" my photo .jpg"), EVERYWHERE, (" my photo ",)),
    Folder("name with a newline", put("one\ntwo.jpg"), EVERYWHERE, ("one\ntwo",)),
    Folder("name in other alphabets", put("Zürich 東京 🎞.jpg"), EVERYWHERE, ("Zürich 東京 🎞",)),
    Folder("name that is not UTF-8", put("caf\udce9.jpg"), EVERYWHERE, ("caf\udce9",)),
    Folder("name of 255 bytes", put(f"{LONG}.jpg"), EVERYWHERE, (LONG,)),
    Folder("name that begins like an option", put("--help.jpg"), EVERYWHERE, ("--help",)),
    Folder("name with several dots", put("a.b.png.jpg"), EVERYWHERE, ("a.b.png",)),
    Folder("name with a pattern's characters", put("[1]*?{}%s.jpg"), EVERYWHERE, ("[1]*?{}%s",)),
    Folder("name with markup", put("<b>&amp;|`$(x)`.jpg"), EVERYWHERE, ("<b>&amp;|`$(x)`",)),
    Folder("suffix in capitals", put("PHOTO.JPG"), EVERYWHERE, ("PHOTO",)),
    Folder("names that differ in case only", put("photo.jpg", "Photo.jpg"), EVERYWHERE, ("photo", "Photo")),
    Folder("names that differ in Unicode's form only", put("\u00e9.jpg", "e\u0301.jpg"), EVERYWHERE,
           ("\u00e9", "e\u0301")),
    Folder("two pictures of one stem", make(doubled), each(PAIRED, "refused: doubled stem"), ("good_1",)),
    Folder("link to a photograph", make(link("linked.jpg", "good_1.jpg"), "linked"), EVERYWHERE, ("linked",)),
    Folder("link to itself", make(link("loop.jpg", "loop.jpg"), "loop"), REFUSED, ("loop",)),
    Folder("link to nothing", make(link("lost.jpg", "nowhere.jpg"), "lost"), REFUSED, ("lost",)),
    Folder("link to the folder that it lies in", make(link("loop", ".")), LEFT, ("loop",)),
    Folder("folder named .jpg", make(folder_with_a_picture, "album"), REFUSED, ("album",)),
    Folder("pipe named .jpg", make(lambda folder: os.mkfifo(folder / "pipe.jpg"), "pipe"), REFUSED, ("pipe",)),
    Folder("hidden file", put(".hidden.jpg", mates=False), LEFT, (".hidden",)),
    Folder("text beside the pictures", make(lambda folder: (folder / "notes.txt").write_text("notes")), LEFT,
           ("notes",)),
    Folder("files and folders that systems leave: ._NAME, .DS_Store, @eaDir, __MACOSX ...", of_systems,
           LEFT | {"evaluate": LEFT["test"]}, ("thumb",)),
    Folder("film beside the pictures", make(lambda folder: (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftyp")), LEFT,
           ("film",)),
    Folder("maps in a folder among the pictures", make(lambda folder: write_image(folder / "maps/good_1.png", MAP)),
           LEFT, ("maps",)),
    Folder("photograph named .jfif", put("photo.jfif"), EVERYWHERE, ("photo",)),
    Folder("photograph named .mpo", put("photo.mpo"), EVERYWHERE, ("photo",)),
    Folder("text named as a camera's raw file", make(lambda folder: (folder / "bad.nef").write_bytes(b"none"), "bad"),
           REFUSED, ("bad",)),
    Folder("photograph named .dat", put("photo.dat"), NO_PARTNER, ("photo",)),
    Folder("photograph without a mask", put("lone.jpg", mates=False), NO_PARTNER, ("lone",)),
    Folder("mask without a photograph", make(lambda folder: (folder / "lone.png").write_bytes(MASK_PNG), mask=True),
           NO_PARTNER, ("lone",)),
    Folder("two masks of one stem", make(doubled_mask, mask=True),
           each(PAIRED, "refused: doubled stem") | {"evaluate": "refused: two masks for one image"}, ("good_1",)),
    Folder("folder named as a mask", make(lambda folder: (folder / "bad.png").mkdir(), "bad", mask=True),
           REFUSED | {"evaluate": REFUSED["test"]}, ("bad",)),
    Folder("mask that is a link to itself", make(link("bad.png", "bad.png"), "bad", mask=True),
           REFUSED | {"evaluate": REFUSED["test"]}, ("bad",)),
)  # fmt: skip

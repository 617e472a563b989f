"""Command lines that cannot work: a sentence names the mistake, and nothing is written."""

import re
import shutil
from pathlib import Path

import pytest

from main import main
from ran.data.layouts import LAYOUTS
from ran.utils.files import write_bytes
from tests.small import TINY

FILES = {
    "rows.yaml": f"common: {{arch: {TINY}}}\nfull:", "seed.yaml": "common: {seed: 1}", "empty.yaml": "common:",
    "weights.yaml": "common: {weights: ran_photos}\nbaseline: {attention: none}", "list.yaml": "fast: [1]",
    "fold.yaml": "fast: {lr: 1, fold: 2}", "csv/focus.csv": "image,name\na.jpg\n", "video.mp4": "no video",
    "json/focus.json": '[{"name": null}]', "full/Train/SYNTHETIC/images/a.jpg": "",
    "bare/Train/a/images/1.jpg": "", "bare/Train/b/images/1.jpg": "", "partial/Train/SAMPLE/trimaps/a.png": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(source, dataset, saved_maps, evaluated, tmp_path_factory) -> Path:
    """A dataset folder d, maps and scores of it, source and faulty copies of it, training set t, and other files."""
    folder = tmp_path_factory.mktemp("mistakes")
    copies = {"d": dataset, "t": dataset / "Train/SAMPLE", "maps": saved_maps["good"], "double": saved_maps["good"],
              "scores": evaluated, "source": source, "less": source, "broken": source}  # fmt: skip
    copies |= {f"pack/{name}": source / part for layout in LAYOUTS[3:]
               for part, name in (("image", layout.images), ("gt", layout.masks))}  # fmt: skip
    copies |= {f"twice/{x}/{name}": source / part for x in "ab" for part, name in
               (("image", LAYOUTS[5].images), ("gt", LAYOUTS[5].masks))}  # fmt: skip
    for name, original in copies.items():
        shutil.copytree(original, folder / name)
    for path in (*folder.glob("less/*/train_000.*"), folder / "broken/gt/train_005.png"):
        path.unlink()
    for path in (folder / "broken/gt/train_004.png", folder / "double/test_006.png"):
        shutil.copy(path, path.with_suffix(".bmp"))
    (folder / "empty").mkdir()
    for name, text in FILES.items():
        write_bytes(folder / name, text.encode())
    return folder


ABLATION = "ablation --data_path d --model_path out --device cpu --folds 0 --variants rows.yaml"
PREPARE = "prepare --data_path d --dataset SAMPLE --white blurred"
OTHER = f"{PREPARE} --images source/image --masks source/gt --split train"
EVALUATE = "evaluate --data_path d --output out --maps"
MISTAKES = [
    ("trian", "unknown command 'trian' .python main.py --help lists all"),
    (f"{PREPARE} --source broken", "(?s)train_005.jpg: no partner.*train_004.bmp: doubled stem, also train_004.png"),
    (f"{PREPARE} --source less", "train_000.jpg: not of this source"), (PREPARE, "--source is missing"),
    (f"{PREPARE} --source empty", "--images and --masks name any"),
    ("prepare --data_path d --source source", "none of the test images of .*CUHK_test.txt; another set needs --data"),
    ("train --data_path nowhere --model_path out", "nowhere: no such dataset folder; `prepare` writes one"),
    ("predict source --blur 5 -o out", "--blur is the strength of --bokeh: add it"),
    (f"{PREPARE} --source twice", "train_000.jpg: another image of the set has the same stem"),
    (f"{PREPARE} --source pack", "holds CUHK, CUHK_DUT, DUT: remove --dataset"),
    (f"{PREPARE} --source source --dataset ../CUHK", "it cannot be a path"),
    (f"{PREPARE} --split test", "--split needs --images"), (f"{PREPARE} --images source/image", "--images needs"),
    ("prepare --data_path d --dataset SAMPLE --source source", "--white blurred or in_foc"),
    (f"{OTHER} --data_path partial", "trimaps/a.png: not of this source"),
    (f"{OTHER} --images d/Train/SAMPLE/images --masks t/masks", "the source would be overwritten"),
    (f"{OTHER} --images t/images --masks d/Train/SAMPLE/masks", "the source would be overwritten"),
    ("prepare --check --data_path bare", "2 problem.s. in bare:\n  bare/Train/a/masks: no such folder"),
    (f"{EVALUATE} here=", "--maps here=: write NAME=DIR"), (f"{EVALUATE} a=maps a=maps", "each name once"),
    ("evaluate --data_path d", "--maps: write NAME=DIR"), (f"{EVALUATE} a=/nowhere", "/nowhere: no such folder"),
    (f"{EVALUATE} p=t/images", "have no map here"), (f"{EVALUATE} maps --blurred_maps b", "b: no such method"),
    (f"{EVALUATE} maps --white blurred", "--white goes with --gt"), (f"{EVALUATE} maps --gt empty", "no images"),
    (f"{EVALUATE} maps --gt d --datasets ../x", "'../x': a set's name"),
    (f"{EVALUATE} maps --gt d --datasets A B", "--datasets A B: --gt is the folder of one set"),
    (f"{EVALUATE} double", "double: several files of one name: test_006.bmp, test_006.png"),
    ("report --output out", "--scores names"), ("report --scores empty --output out", "no such file"),
    ("report --scores scores --output out --methods other", "--methods: no other; there are good, small"),
    ("report --scores scores --output out --examples nobody", "--examples nobody: no such image"),
    ("report --scores scores --output out --columns P9", "no protocol P9"),
    (f"{ABLATION} --seeds 1 -1", "--seeds are 0 or more"), (f"{ABLATION} --datasets DUT", "no DUT with test images"),
    (f"{ABLATION} --folds 0 1", "--folds are 1 to 5, or 0 alone"),
    (f"{ABLATION} --variants seed.yaml", "seed.yaml, common: expected options of train with values, without config, d"),
    (f"{ABLATION} --variants fold.yaml", "fold.yaml, fast: expected options of train"),
    (f"{ABLATION} --variants list.yaml", "list.yaml, fast: expected options of train"),
    (f"{ABLATION} --variants weights.yaml", "--weights ran_photos: its network has attention separated, so remove att"),
    (f"{ABLATION} --variants empty.yaml", "empty.yaml: no variants"),
    ("export --output out.onnx --average other", "--average needs --output NAME.safetensors"),
    ("export --output out.pt", "must end in .onnx or .safetensors"), ("explain a.png b.png", "one image, not 2"),
    ("synthesise", "give --objects, --people, --depth, --focus"), ("sample --output source", "holds files already"),
    ("synthesise --data_path full --depth empty", "holds files already"), ("predict", "are required: paths"),
    ("synthesise --data_path out --depth empty", "no such folder"), ("predict maps -o map.png", "name a folder"),
    ("predict maps --tile 8", "--tile 8: expected at least 32 pixels, or 0"),
    ("predict t/images --model no", "no such weights"), ("predict maps -o csv", "focus.csv: not a table of an earlier"),
    ("predict maps -o json", "focus.json: not a table of an earlier"), ("video none.mp4", "none.mp4: no such file"),
    ("video video.mp4 -o %04d.png", "--output %04d.png: name a folder, .webm or .mp4 file"),
    ("video video.mp4 -o out.mp4 --show cutout", "a cut-out needs .webm"), ("video 1.mp4 2.mp4", "one video, not 2"),
    ("video video.mp4 -o video.mp4 --overwrite", "video.mp4 is the video itself"),
    ("video maps/test_006.png -o video.mp4", "video.mp4 exists; --overwrite replaces it"),
]  # fmt: skip


@pytest.mark.parametrize("line, message", MISTAKES, ids=[line for line, _ in MISTAKES])
def test_it_is_named_before_anything_is_written(folder, monkeypatch, capsys, line, message):
    monkeypatch.chdir(folder)
    before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    try:
        status = main(line.split())
    except SystemExit as stop:  # of the parser
        status = stop.code
    error = capsys.readouterr().err
    assert re.search(message, error) and status == (
        1 if re.search("^error: (?!--|unknown)", error, re.MULTILINE) else 2
    )
    assert {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")} == before

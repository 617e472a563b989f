"""The benchmarks compare like with like. No time is looked at: a slow machine fails nothing."""

import json

import pytest
import torch

from benchmarks import connectivity, pictures, scaling, scoring
from benchmarks.__main__ import Options, main
from benchmarks.common import in_child
from benchmarks.tables import cell
from ran.commands import COMMANDS
from ran.imaging.layouts import find_sets
from ran.model.connectivity import connectivity_target
from ran.utils.command_line import parse


@pytest.mark.parametrize("height, width", [(7, 5), (1, 4), (16, 16)])
def test_translation_matrices_give_the_same_bits(height, width):
    torch.manual_seed(0)
    contour = (torch.rand(2, 1, height, width) < 0.5).float()
    shifts = connectivity.translations(height, width, "cpu")
    assert torch.equal(connectivity.matrix_target(contour, shifts), connectivity_target(contour))


def test_both_scorers_agree(tmp_path):
    jobs = scoring.write_pictures(tmp_path, 4)
    ours, library = scoring.ours(jobs), scoring.library(jobs)
    assert {key: ours[key] for key in library} == pytest.approx(library, abs=1e-9)


def test_an_exponent_is_the_slope_of_the_logarithms():
    assert scaling.slope([(256, 3.0), (512, 12.0), (1024, 48.0)]) == pytest.approx(2)


def test_commands_over_many_pictures_are_ones_that_there_are(tmp_path):
    pictures.write_set(tmp_path, 3)
    assert [len(find_sets(str(tmp_path), split, [])["SET"]) for split in ("train", "test")] == [3, 3]
    for name, (_, options) in pictures.COMMANDS.items():
        assert parse(COMMANDS[name].options, options.format(data=tmp_path, room=tmp_path).split(), name, "")


@pytest.mark.slow
def test_a_child_tells_its_result_and_its_end(tmp_path):
    result, peak = in_child(scaling.forward_seconds, 1, 64, "cpu", 1)
    assert result > 0 and peak > 50
    with pytest.raises(RuntimeError, match="_exit.*ended early"):
        in_child(__import__("os")._exit, 1)


@pytest.mark.slow
def test_a_report_names_machine_and_versions(tmp_path):
    main(Options(only=["connectivity"], device="cpu", repeats=3, output=str(tmp_path)))
    text, report = (tmp_path / "cpu.md").read_text(), json.loads((tmp_path / "cpu.json").read_text())
    assert report["machine"]["torch"] in text and "cores of" in text and "| targets |" in text
    assert [row["equal"] for row in report["sections"]["connectivity"]["rows"]] == [True]
    assert [cell(value) for value in (1234.5, 0.012345, 37.44, True, False, "a")] == [
        "1234",
        "0.0123",
        "37.4",
        "yes",
        "NO",
        "a",
    ]

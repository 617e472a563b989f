"""`prepare --check`; tests/data/test_check.py has all that it names."""

import pytest

from ran.tools import prepare
from ran.utils.tool_options import PrepareOptions


def test_check_passes_what_prepare_wrote_and_writes_nothing(dataset, capsys):
    before = {path: path.read_bytes() for path in dataset.rglob("*.*")}
    prepare.run(PrepareOptions(data_path=str(dataset), check=True))
    assert {path: path.read_bytes() for path in dataset.rglob("*.*")} == before
    assert "Train/SAMPLE: 6 pairs\n" in capsys.readouterr().out


def test_check_fails_with_all_problems(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"Train/{name}/images").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"^2 problem.s. in {tmp_path}:\n  {tmp_path}/Train/a/masks: no such folder"):
        prepare.run(PrepareOptions(data_path=str(tmp_path), check=True))

"""bench.py measures in processes of its own. No duration is asserted."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bench

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_two_checkouts_are_measured_in_one_run(tmp_path):
    words = ["--only", "scoring", "--runs", "1", "--beside", ROOT, "--output", tmp_path / "bench.json"]
    result = subprocess.run(
        [sys.executable, ROOT / "bench.py", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    report = json.loads((tmp_path / "bench.json").read_text())
    assert " cores of " in report["machine"] and set(report["versions"]) == set(bench.PACKAGES)
    ours, peer = report["rows"]
    assert ours["what"].endswith("evaluate") and ours["ratio"] == ours["seconds"] / ours["seconds beside"]
    assert peer.keys() == {"what", "seconds", "GB"}  # the code of others is measured once
    table = bench.markdown(report["rows"])
    assert table in result.stdout and re.search(r"\| [\d.e-]+ \|  \|  \|  \|$", table)  # what is missing is empty

"""bench.py measures in processes of its own. No duration is asserted."""

import json
import re
import sys

import pytest

import bench
from tests.processes import ROOT


@pytest.mark.slow
def test_two_checkouts_are_measured_in_one_run(tmp_path, monkeypatch, capfd):
    words = ["--only", "scoring", "--runs", "1", "--beside", str(ROOT), "--output", str(tmp_path / "bench.json")]
    monkeypatch.setattr(sys, "argv", ["bench.py", *words])
    bench.main()
    report = json.loads((tmp_path / "bench.json").read_text())
    assert " cores of " in report["machine"] and set(report["versions"]) == set(bench.PACKAGES)
    ours, peer = report["rows"]
    assert ours["what"].endswith("evaluate") and ours["ratio"] == ours["seconds"] / ours["seconds beside"]
    assert peer.keys() == {"what", "seconds", "GB"}  # the code of others is measured once
    # What is missing is empty.
    assert (table := bench.markdown([ours, peer])) in capfd.readouterr().out and re.search(r"\d \|  \|  \|  \|$", table)

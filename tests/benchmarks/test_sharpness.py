import csv

from benchmarks.sharpness import MEASURES, NOISE, STOPS, Options, measure


def test_a_line_for_every_condition_and_what_noise_does_to_each_measure(tmp_path, dataset):
    measure(Options(data_path=str(dataset), dataset="SAMPLE", squares=2, output=str(tmp_path)))
    rows = list(csv.DictReader((tmp_path / "correlations.csv").open()))
    names = {row["name"] for row in rows}
    assert names and len(rows) == len(names) * 2 * len(MEASURES) * (len(NOISE) * len(STOPS) + 1)
    assert all(-1 <= float(row["spearman"]) <= 1 for row in rows)
    table = (tmp_path / "sharpness.md").read_text()
    assert f"noise ({len(names)} squares)" in table and table.count("\n") == len(NOISE) + 3

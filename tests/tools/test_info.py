import pytest

from ran.tools import info
from ran.tools.options import InfoOptions

# Parameters (10^6) and multiply-adds (10^9) at 384 x 384: ours by the paper's description, and the released encoder's.
REFERENCE = {"resnet18": (15.7, 9.0), "resnet50": (29.3, 16.2), "efficientnet_b3": (14.5, 6.4)}


@pytest.mark.slow
def test_costs_are_the_references_within_one_percent(capsys):
    info.run(InfoOptions(arch=[*REFERENCE]))
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == [*REFERENCE]
    for name, *cells in rows:
        total, encoder, multiply_adds = (float(cell.split()[0]) for cell in cells)
        assert (total, multiply_adds) == pytest.approx(REFERENCE[name], rel=0.01) and encoder < total

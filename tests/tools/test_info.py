import pytest

from ran.tools import info
from ran.tools.options import InfoOptions


# The reference sizes at 384 x 384: ours by the paper's description, and the released EfficientNet-B3's encoder row.
@pytest.mark.slow
@pytest.mark.parametrize(
    "arch, parameters, gmac", [("resnet18", 15.7, 9.0), ("resnet50", 29.3, 16.2), ("efficientnet_b3", 14.5, 6.4)]
)
def test_cost_is_the_references_within_one_percent(arch, parameters, gmac):
    total, encoder, multiply_adds = info.cost(arch, 384)
    assert total == pytest.approx(parameters, rel=0.01)
    assert multiply_adds == pytest.approx(gmac, rel=0.01)
    assert encoder < total


def test_table_has_a_line_an_encoder(capsys):
    info.run(InfoOptions(arch=["resnet18", "resnet34"]))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["resnet18", "resnet34"]

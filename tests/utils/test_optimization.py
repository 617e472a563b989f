import pytest
import torch
from torch.optim import Adam, AdamW

from ran.model import RAN
from ran.utils.optimization import Optimization
from ran.utils.options import TrainConfig


@pytest.fixture(scope="module")
def network() -> RAN:
    return RAN("resnet18")


def test_the_papers_optimiser_falls_on_a_plateau(network):
    optimization = Optimization(network, TrainConfig(patience=0), 10)
    optimizer = optimization.optimizer
    assert type(optimizer) is Adam and {group["weight_decay"] for group in optimizer.param_groups} == {1e-4}
    for loss in (1.0, 2.0):
        optimization.end_epoch(loss)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([5e-6, 5e-6])


def test_one_cycle_rises_for_a_tenth_and_ends_near_zero(network):
    recipe = TrainConfig(schedule="onecycle", lr=8e-4, encoder_lr=0.25, weight_decay=0.01)
    optimization = Optimization(network, recipe, 100)
    optimizer, rates = optimization.optimizer, []
    assert type(optimizer) is AdamW and {group["weight_decay"] for group in optimizer.param_groups} == {0.01}
    for _ in range(100):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimization.step(next(network.parameters()).sum() * 0)
    encoder, decoder = zip(*rates)
    assert decoder.index(max(decoder)) == 9 and max(decoder) == pytest.approx(8e-4)
    assert decoder[-1] < 1e-6 < decoder[0] < 1e-4
    assert torch.allclose(torch.tensor(encoder), 0.25 * torch.tensor(decoder))
    Optimization(network, recipe, 3)
    with pytest.raises(ValueError, match="needs three steps, this training has 2"):
        Optimization(network, recipe, 2)


def test_every_learned_parameter_is_in_one_group(network):
    groups = Optimization(network, TrainConfig(), 10).optimizer.param_groups
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    decoder = [p for name, p in network.named_parameters() if not name.startswith("encoder.")]
    assert [list(map(id, group["params"])) for group in groups] == [list(map(id, part)) for part in (encoder, decoder)]
    assert len(encoder) < len([*network.encoder.parameters()])


@pytest.mark.parametrize("clip", [2.0, 0])
def test_gradients_are_clipped_and_their_norm_is_that_before(network, clip):
    parameter = max((p for p in network.parameters() if p.requires_grad), key=torch.numel)
    for weight in (3.0, 0.01):
        optimization = Optimization(network, TrainConfig(clip=clip, weight_decay=0), 10)
        norm = optimization.step((parameter * weight).sum())
        gradient = optimization.optimizer.state[parameter]["exp_avg"] / 0.1  # the first moment of a first step
        whole = weight * parameter.numel() ** 0.5
        assert norm.item() == pytest.approx(whole, rel=1e-2)
        assert parameter.grad is None and gradient.norm().item() == pytest.approx(min(whole, clip or whole), rel=1e-2)

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
    optimization = Optimization(network, TrainConfig(patience=0), 10, scaled=False)
    optimizer = optimization.optimizer
    assert type(optimizer) is Adam and {group["weight_decay"] for group in optimizer.param_groups} == {1e-4}
    for loss in (1.0, 2.0):
        optimization.end_epoch(loss)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([5e-6, 5e-6])


def test_one_cycle_rises_for_a_tenth_and_ends_near_zero(network):
    recipe = TrainConfig(schedule="onecycle", lr=8e-4, encoder_lr=0.25, weight_decay=0.01)
    optimization = Optimization(network, recipe, 100, scaled=False)
    optimizer, schedule = optimization.optimizer, optimization.scheduler
    assert type(optimizer) is AdamW
    rates = []
    for _ in range(100):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if len(rates) < 100:
            schedule.step()
    encoder, decoder = zip(*rates)
    assert decoder.index(max(decoder)) == 9 and max(decoder) == pytest.approx(8e-4)
    assert decoder[-1] < 1e-6 < decoder[0] < 1e-4
    assert torch.allclose(torch.tensor(encoder), 0.25 * torch.tensor(decoder))


def test_one_cycle_of_too_few_steps_is_refused(network):
    with pytest.raises(ValueError, match="needs three steps, this training has 2"):
        Optimization(network, TrainConfig(schedule="onecycle"), 2, scaled=False)


def test_every_learned_parameter_is_in_one_group(network):
    optimizer = Optimization(network, TrainConfig(), 10, scaled=False).optimizer
    encoder, decoder = ([id(p) for p in group["params"]] for group in optimizer.param_groups)
    learned = {id(p) for p in network.parameters() if p.requires_grad}
    assert set(encoder) | set(decoder) == learned and len(encoder) + len(decoder) == len(learned)
    assert set(encoder) <= {id(p) for p in network.encoder.parameters()}
    frozen = [p for p in network.encoder.parameters() if not p.requires_grad]
    assert frozen and not {id(p) for p in frozen} & (set(encoder) | set(decoder))


@pytest.mark.parametrize("clip, scaled", [(2.0, False), (0, False), (2.0, True)])
def test_gradients_are_clipped_and_their_norm_is_that_before(network, clip, scaled):
    optimization = Optimization(network, TrainConfig(clip=clip), 10, scaled)
    parameter = max((p for p in network.parameters() if p.requires_grad), key=torch.numel)
    for weight in (3.0, 0.01):
        norm = optimization.step((parameter * weight).sum())
        whole = weight * parameter.numel() ** 0.5
        assert norm.item() == pytest.approx(whole, rel=1e-2)
        assert parameter.grad.norm().item() == pytest.approx(min(whole, clip or whole), rel=1e-2)


def test_a_step_waits_for_the_last_of_its_batches(network):
    optimization = Optimization(network, TrainConfig(clip=0), 10, scaled=False)
    parameter = list(network.parameters())[-1]
    before = parameter.detach().clone()
    optimization.step((parameter * 1).sum(), 0.5, last=False)
    assert torch.equal(parameter, before)
    norm = optimization.step((parameter * 3).sum(), 0.5)
    assert torch.equal(parameter.grad, torch.full_like(parameter, 2)) and not torch.equal(parameter, before)
    assert norm.item() == pytest.approx(2 * parameter.numel() ** 0.5, rel=1e-2)
    optimization.step((parameter * 1).sum())
    assert torch.equal(parameter.grad, torch.ones_like(parameter))


@pytest.mark.parametrize("schedule", ["plateau", "onecycle"])
def test_the_state_comes_back(network, schedule):
    recipe = TrainConfig(schedule=schedule, lr=1e-3, encoder_lr=0.5)
    one, other = (Optimization(network, recipe, 10, scaled=False) for _ in range(2))
    for _ in range(4):
        one.step(next(network.parameters()).sum())
    other.load_state_dict(one.state_dict())
    assert other.rate == one.rate and other.optimizer.state_dict().keys() == one.optimizer.state_dict().keys()

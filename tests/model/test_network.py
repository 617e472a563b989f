import pytest
import torch

from ran.model import RAN
from ran.model.losses import ran_loss


@pytest.fixture(scope="module")
def network() -> RAN:
    torch.manual_seed(0)
    return RAN("resnet18", encoder_norm="group")


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 3, 64, 96), (1, 3, 101, 67), (3, 3, 33, 200)])
def test_any_size_and_batch(network, shape):
    with torch.no_grad():
        logits = network.eval()(torch.rand(shape))
    assert logits["mask"].shape == (shape[0], 1, *shape[2:])
    assert logits["connectivity"].shape == (shape[0], 8, *shape[2:])
    assert all(torch.isfinite(value).all() for value in logits.values())


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 31, 64)])
def test_other_inputs_are_refused_with_what_was_expected(network, shape):
    with pytest.raises(ValueError, match="N x 3 x H x W with H, W >= 32"):
        network(torch.rand(shape))


def test_both_heads_reach_every_learned_parameter_at_batch_1(network):
    network.train().zero_grad()
    logits = network(torch.rand(1, 3, 64, 64))
    (logits["mask"].square().mean() + logits["connectivity"].square().mean()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_a_picture_does_not_depend_on_its_batch(network):
    images = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        together = network.eval()(images)["mask"]
        alone = torch.cat([network(image[None])["mask"] for image in images])
    assert torch.allclose(together, alone, atol=1e-4)


HEAD = {"reduce1", "ecc"}
STREAMS = {stream: {f"rsa{i}.{stream}" for i in (3, 4)} for stream in ("gate", "normal", "reverse", "weigh")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options, dropped",
    [
        ({"attention": "none", "connectivity": False}, HEAD.union(*STREAMS.values())),  # baseline
        ({"attention": "none"}, set().union(*STREAMS.values())),  # + connectivity
        ({"attention": "normal", "connectivity": False}, HEAD | STREAMS["reverse"] | STREAMS["weigh"]),
        ({"attention": "reverse", "connectivity": False}, HEAD | STREAMS["normal"] | STREAMS["weigh"]),
        ({"connectivity": False}, HEAD),  # + separated attention
        ({}, set()),  # full
    ],
)
def test_ablation_rows_drop_their_parts_and_train_the_rest(options, dropped):
    def parts(network):
        names = [name.split(".") for name, _ in network.named_parameters()]
        return {".".join(name[:2]) if name[0].startswith("rsa") else name[0] for name in names}

    full, row = RAN("resnet18", "group"), RAN("resnet18", "group", **options)
    assert parts(full) - parts(row) == dropped and not parts(row) - parts(full)
    logits = row.train()(torch.rand(1, 3, 64, 64))
    assert set(logits) == {"mask", "connectivity"} - ({"connectivity"} if dropped & HEAD else set())
    ran_loss(logits, torch.ones(1, 1, 64, 64), torch.ones(1, 1, 64, 64)).backward()
    assert [name for name, p in row.named_parameters() if p.grad is None] == []


def test_unknown_attention_is_refused():
    with pytest.raises(ValueError, match="separated, normal, reverse, none"):
        RAN("resnet18", attention="both")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_same_on_cuda(network):
    image = torch.rand(2, 3, 96, 128)
    with torch.no_grad():
        cpu = network.eval()(image)["mask"]
        cuda = network.cuda()(image.cuda())["mask"].cpu()
        network.cpu()
    assert torch.allclose(cpu, cuda, atol=1e-2)

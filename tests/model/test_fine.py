import pytest
import torch

from ran.model import make_network


def test_the_fine_decoder_refines_the_mask_by_the_connectivity_features():
    torch.manual_seed(0)
    network = make_network("fine", arch="resnet18", encoder_norm="group").train()
    logits = network(torch.rand(1, 3, 64, 64))
    assert {head: value.shape for head, value in logits.items()} == {
        "mask": (1, 1, 64, 64),
        "connectivity": (1, 8, 64, 64),
    }
    logits["mask"].square().mean().backward()
    reached = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"ecc", "reduce1", "refinement", "mfa", "rsa3", "rsa4"} <= reached
    assert network.ecc.classify.weight.grad is None  # its features serve the mask, its logits do not
    with torch.no_grad():
        both, alone = network.eval()(torch.ones(1, 3, 64, 64)), network(torch.ones(1, 3, 64, 64), mask_only=True)
    assert torch.equal(both["mask"], alone["mask"]) and alone.keys() == {"mask"}
    assert not [name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]


def test_the_papers_decoder_has_no_norms_but_in_its_channel_attention():
    network = make_network(arch="resnet18")
    norms = [name for name, module in network.named_modules() if isinstance(module, torch.nn.GroupNorm)]
    assert norms and all("global_context" in name for name in norms)


@pytest.mark.parametrize(
    "options, reason",
    [({"decoder": "coarse"}, "choose one of paper, fine"), ({"decoder": "fine", "connectivity": False}, "needs the")],
)
def test_decoders_that_do_not_exist_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        make_network(arch="resnet18", **options)

"""Every kind of weights file of tests/faults/weights.py, given as an encoder's and as a network's."""

import pytest
import torch

from ran.model import Encoder
from ran.utils import checkpoint
from ran.utils.checkpoint import load_network, read_weights
from tests.faults.weights import ENCODER, MODEL, WEIGHTS


@pytest.fixture(scope="module")
def trained() -> tuple[dict[str, torch.Tensor], dict]:
    return read_weights("ran_resnet18")


@pytest.mark.parametrize("option", [ENCODER, MODEL])
@pytest.mark.parametrize("one", WEIGHTS, ids=lambda one: one.kind)
def test_weights(one, option, trained, tmp_path, capsys, recwarn):
    whole, metadata = trained
    inner = "encoder.backbone."
    state = {name: value for name, value in whole.items() if option == MODEL or name.startswith(inner)}
    if option == ENCODER:
        state = {name.removeprefix(inner): value for name, value in state.items()}
    path, outcome = tmp_path / one.name, one.outcomes[option]
    one.write(path, state, metadata)

    def load() -> dict[str, torch.Tensor]:
        if option == MODEL:
            return load_network(path)[0].state_dict()
        encoder = Encoder("resnet18")
        assert encoder.load_pretrained(str(path)) == []
        return encoder.backbone.state_dict()

    if outcome.startswith("refused"):
        with pytest.raises((ValueError, OSError)) as caught:
            load()
        assert str(caught.value).startswith(f"{path}: ") and outcome.removeprefix("refused: ") in str(caught.value)
        return
    loaded = load()
    assert all(torch.equal(loaded[name], value.float()) for name, value in state.items() if value.is_floating_point())
    said = outcome.removeprefix("read: ")
    told = [*capsys.readouterr().out.splitlines(), *(str(warning.message) for warning in recwarn)]
    assert told == ([] if said == "itself" else [f"{path}: {said}"])


def test_an_encoder_starts_from_that_of_a_trained_network(trained):
    encoder = Encoder("resnet18")
    with pytest.warns(UserWarning, match="by names behind 'encoder.backbone.'"):
        assert encoder.load_pretrained(str(checkpoint.WEIGHTS / "ran_resnet18.safetensors")) == []
    assert torch.equal(encoder.backbone.conv1.weight, trained[0]["encoder.backbone.conv1.weight"].float())

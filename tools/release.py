"""`release`: a run's weights as a file to share."""

from pathlib import Path

import torch

from ..evaluation.scores import read_scores
from ..tester import Tester
from ..utils.checkpoint import read_weights, save_weights
from ..utils.files import atomic
from ..utils.options import ReleaseOptions, RunConfig, TestConfig
from ..utils.weight_files import write_hash


def run(options: ReleaseOptions) -> None:
    """Halves, tests, and writes the file again with the test sets' totals in its metadata.

    Raises:
        FileNotFoundError, ValueError: no run, no test data, weights that half precision cannot hold, or others of
            another network.
    """
    state, metadata = mean_of([options.model_path, *options.average])
    half = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    if broken := [name for name, value in half.items() if value.is_floating_point() and not value.isfinite().all()]:
        raise ValueError(f"{options.model_path}: half precision cannot hold {', '.join(broken)}")
    run = Path(options.model_path).resolve()
    run = run if run.is_dir() else run.parent
    path = Path(options.output or run / f"{run.name}.safetensors")
    folder = Path(options.scores or path.with_suffix(""))
    shared = {name: getattr(options, name) for name in RunConfig.__dataclass_fields__ if name != "model_path"}
    with atomic(path) as temporary:  # so that a file without scores never stands there
        save_weights(temporary, half, metadata)
        test = TestConfig(**shared, model_path=str(temporary), name=path.stem, output=str(folder), report=False)
        Tester(test).test()
        save_weights(
            temporary, half, metadata | {"scores": {scored.dataset: scored.totals for scored in read_scores(folder)}}
        )
    write_hash(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def mean_of(paths: list[str]) -> tuple[dict[str, torch.Tensor], dict]:
    """The mean of weights, and metadata of the first with those of the others as "averaged" (Wortsman et al., "Model
    soups", ICML 2022: trainings from one start often lie in one basin, and their mean is better than each).

    Raises:
        ValueError: not all of one network, or some have seen pictures that others left out.
    """
    states, abouts = zip(*map(read_weights, paths))
    for path, about in zip(paths, abouts):
        if about["model"] != abouts[0]["model"] or _fold(about) != _fold(abouts[0]):
            raise ValueError(f"{path}: another network, or another --fold, than {paths[0]}: no mean of both")
    mean = {
        name: torch.stack([state[name].float() for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    others = [{key: about[key] for key in about.keys() - {"before", "scores", "averaged"}} for about in abouts[1:]]
    return (mean, abouts[0] | {"averaged": others}) if others else (states[0], abouts[0])


def _fold(about: dict) -> int:
    return about["config"].get("fold", 0)

"""`release`: a run's weights as a file to share."""

from pathlib import Path

from ..evaluation.scores import read_scores
from ..tester import Tester
from ..utils.checkpoint import read_weights, save_weights, write_hash
from ..utils.files import atomic
from ..utils.options import ReleaseOptions, RunConfig, TestConfig


def run(options: ReleaseOptions) -> None:
    """Halves, tests, and writes the file again with the test sets' totals in its metadata.

    Raises:
        FileNotFoundError, ValueError: no run, no test data, weights that half precision cannot hold.
    """
    state, metadata = read_weights(options.model_path)
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

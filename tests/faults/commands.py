"""The command line of each command on a dataset folder."""

from pathlib import Path

from tests.small import TINY


def words(command: str, data: Path, weights: Path, out: Path, *more: str, workers: int = 0) -> list[str]:
    """A command that reads `data` (of test, evaluate, prepare and predict the set SAMPLE) and writes into `out`."""
    test, loading = data / "SAMPLE/Test", ["--data_path", data, "--device", "cpu", "--num_workers", workers]
    options = {
        "prepare": ["--images", test / "images", "--masks", test / "masks", "--dataset", "NEW", "--white", "in_focus",
                    "--split", "train", "--data_path", out],
        "train": [*loading, "--model_path", out, "--arch", TINY, "--pretrained", "none", "--img_size", 64,
                  "--val_share", 0.34, "--epochs", 3, "--lr", "1e-4", "--resume"],
        "test": [*loading, "--model_path", weights, "--output", out, "--save_map", "True", "--report", "False"],
        "predict": [test / "images", "--model_path", weights, "--output", out, "--overlay", "--table", "csv",
                    "--device", "cpu"],
        "evaluate": ["--maps", f"m={data / 'maps'}", "--data_path", data, "--output", out],
        "report": ["--scores", data / "scores", "--examples", "none", "--output", out],
        "ablation": ["--data_path", data, "--device", "cpu", "--model_path", out, "--folds", 1],
    }[command]  # fmt: skip
    return [command, *map(str, options), *more]

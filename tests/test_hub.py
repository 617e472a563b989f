import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_torch_hub_loads_it_from_a_folder(tmp_path):
    """In a process that knows no `ran`, from another folder."""
    code = (
        "import sys, numpy, torch; sys.path = [p for p in sys.path if p != sys.argv[1]]\n"
        "predictor = torch.hub.load(sys.argv[1], 'ran', source='local', weights='ran_resnet18', device='cpu')\n"
        "print(predictor(numpy.zeros((40, 60, 3), 'uint8'), size=64).shape, sys.modules['ran'].__file__)"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"(40, 60) {root / '__init__.py'}" in done.stdout, done.stderr

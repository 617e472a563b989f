"""`import ran` where the repository is not installed: its folder is the package, whatever the folder's name."""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("ran", Path(__file__).parents[2] / "__init__.py")
assert spec and spec.loader  # as for every .py file
sys.modules["ran"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["ran"])

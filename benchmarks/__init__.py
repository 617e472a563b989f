"""The project beside its alternatives: python -m benchmarks, in the repository's folder."""

import main  # noqa: F401 (makes this folder known as the package ran)

"""Speed and size against PyTorch and against bare JAX: `python -m benchmarks`. Not part of the installed package."""

"""Settings for all tests, the notebooks' included."""

import os

# Before NumPy and PyTorch start their threads. One thread a worker, as when the notebooks' outputs were made.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

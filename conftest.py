"""Settings for all tests, the notebooks' included."""

import os

import nbval.plugin

# Before NumPy and PyTorch start their threads. One thread a worker, as when the notebooks' outputs were made.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Under --cov nbval measures coverage inside the notebooks' kernels, with a handshake that never answers on
# ipykernel 7 ("_queue.Empty" for every cell). What chapters execute of course_utils is not what --cov is for.
nbval.plugin.setup_coverage = nbval.plugin.teardown_coverage = lambda *arguments: None

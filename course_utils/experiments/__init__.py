"""Experiments that are recorded once and read by the chapters: ``course reproduce NAME``.

One module a family; each experiment is a function decorated with
:func:`~course_utils.experiments.registry.experiment`. Importing this package does not import PyTorch.
"""

from course_utils.experiments.registry import Context, Experiment, Outcome, experiment, experiments
from course_utils.experiments.runner import run

__all__ = ["Context", "Experiment", "Outcome", "experiment", "experiments", "run"]

"""Penalties for being late, by the plugin that nbgrader's settings name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

from traitlets.config import Config

#: (student, points before it, seconds late) → points to take off, or None.
Penalty = Callable[[str, float, float], "float | None"]


def penalty_from(config: Config) -> Penalty:
    """Give the rule of ``AssignLatePenalties.plugin_class``.

    Parameters
    ----------
    config : Config
        nbgrader's settings.

    Returns
    -------
    callable
        Its answers lie between 0 and the points, as nbgrader sees to it.
    """
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=config)
    step.init_plugin()

    def penalty(student: str, score: float, seconds_late: float) -> float | None:
        found = step.plugin_inst.late_submission_penalty(student, score, seconds_late)
        if found is None:
            return None
        checked: float = step._check_late_penalty(SimpleNamespace(score=score), found)
        return checked

    return penalty


def seconds_late(timestamp: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """Count the seconds from when a submission was due to when it was collected; 0 if either is not known."""
    if timestamp is None or due is None:
        return 0.0
    return max(0.0, (timestamp - due - (extension or timedelta())).total_seconds())

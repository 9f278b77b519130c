"""Keep the best weights of a training, and stop when nothing better has come for a while (Prechelt 1998)."""

import copy
from typing import Any

from torch import nn


class EarlyStopping:
    """Remember a network's state where a figure was lowest.

    Parameters
    ----------
    patience : int, optional
        After how many updates in a row without a new lowest value to stop; None never stops.

    Attributes
    ----------
    best : float
        Lowest value so far; infinity before the first update.
    best_update : int
        Which update it came with, counted from 0; -1 before the first.
    updates : int
        How many there were.

    Raises
    ------
    ValueError
        If the patience is less than 1.

    Examples
    --------
    >>> model, keeper = nn.Linear(2, 1), EarlyStopping(patience=2)
    >>> [keeper.update(model, loss) for loss in (0.9, 0.7, 0.8, 0.75)]
    [False, False, False, True]
    >>> keeper.best, keeper.best_update
    (0.7, 1)
    """

    def __init__(self, patience: int | None = None) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"patience must be at least 1, or None to never stop, not {patience}.")
        self.patience = patience
        self.best, self.best_update, self.updates = float("inf"), -1, 0
        self._state: dict[str, Any] | None = None

    def update(self, model: nn.Module, value: float) -> bool:
        """Take the figure after an epoch; keep a copy of the network if it is the lowest yet.

        Parameters
        ----------
        model : torch.nn.Module
            As it is now. Its buffers, such as running means, are kept as well.
        value : float
            The smaller the better: a validation loss, or an error rate. NaN is never the best.

        Returns
        -------
        bool
            Whether to stop.
        """
        if value < self.best:
            self.best, self.best_update = value, self.updates
            # state_dict holds references: without a copy the snapshot would go on training.
            self._state = copy.deepcopy(model.state_dict())
        self.updates += 1
        return self.patience is not None and self.updates - 1 - self.best_update >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Put the best state back into the network.

        Parameters
        ----------
        model : torch.nn.Module
            The network that was watched, or another of the same layout.

        Raises
        ------
        ValueError
            If there is nothing to put back.
        """
        if self._state is None:
            raise ValueError("there is no best state yet; call update with a finite value after each epoch.")
        model.load_state_dict(self._state)

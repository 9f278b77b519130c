"""What a network costs: parameters and multiply-adds, layer by layer.

A multiply-add is one multiplication and the addition that follows it. Many papers say "FLOPs" and mean these;
some count both operations and arrive at twice the number. Biases, activations, pooling and normalisation are
left out, as is usual: together they are a few per cent of a convolutional network.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class LayerCost:
    """One layer's share.

    Attributes
    ----------
    name, kind : str
        Name of the module within the network, and its class.
    shape : tuple of int
        Of the output for one picture, (C, H, W) or (C,).
    parameters, multiply_adds : int
        Numbers learned, and multiply-adds for one picture.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that a network learns.

    Parameters
    ----------
    model : torch.nn.Module
        Any network, on any device.

    Returns
    -------
    int
        Parameters that several layers share count once.
    """
    return sum(parameter.numel() for parameter in model.parameters())


def layer_costs(model: nn.Module, shape: tuple[int, ...]) -> list[LayerCost]:
    """Pass one picture through a network, without computing it, and note what each layer costs.

    Parameters
    ----------
    model : torch.nn.Module
        Built on the meta device (``with torch.device("meta"):``), so that nothing is computed, or on another.
        It is left in evaluation mode.
    shape : tuple of int
        Of one picture, (C_in, H, W).

    Returns
    -------
    list of LayerCost
        Convolutions, fully connected layers and attention, in the order in which they are used.
    """
    found: list[LayerCost] = []
    names = {module: name for name, module in model.named_modules()}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        out = output[0] if isinstance(output, tuple) else output
        cost = _multiply_adds_of(module, inputs, out)
        parameters = count_parameters(module)
        found.append(LayerCost(names[module], type(module).__name__, tuple(out.shape[1:]), parameters, cost))

    inside_attention = {
        part for module in names if isinstance(module, nn.MultiheadAttention) for part in module.modules()
    }
    kinds = (nn.Conv2d, nn.Linear, nn.MultiheadAttention)
    hooks = [
        module.register_forward_hook(note)
        for module in names
        if isinstance(module, kinds)
        and (module not in inside_attention or isinstance(module, nn.MultiheadAttention))
    ]
    first = next(model.parameters())
    try:
        with torch.no_grad():
            model.eval()(torch.zeros((1, *shape), device=first.device, dtype=first.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def multiply_adds(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the multiply-adds for one picture.

    Parameters
    ----------
    model : torch.nn.Module
        As for :func:`layer_costs`.
    shape : tuple of int
        Of one picture, (C_in, H, W).

    Returns
    -------
    int
        Of convolutions, fully connected layers and attention.
    """
    return sum(layer.multiply_adds for layer in layer_costs(model, shape))


def _multiply_adds_of(module: nn.Module, inputs: tuple[Any, ...], out: torch.Tensor) -> int:
    """One multiply-add for each weight and each place where it is used."""
    if isinstance(module, nn.MultiheadAttention):
        tokens, width = inputs[0].shape[-2:]
        # Four projections; then queries times keys, and weights times values.
        return 4 * tokens * width**2 + 2 * tokens**2 * width
    assert isinstance(module, nn.Conv2d | nn.Linear)
    per_output = math.prod(module.weight.shape[1:])
    return per_output * out[0].numel()

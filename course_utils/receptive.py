"""Receptive fields: which pixels a unit can see, by formula and by gradient.

The walk follows a network's graph (torch.fx) and keeps three numbers along each path: the size of the field,
the jump (pixels between neighbouring units) and where the first unit's centre lies. Where paths meet, the
largest field counts.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

EVERYTHING = math.inf


@dataclass(frozen=True)
class Field:
    """What the units of one layer see, along one axis, in pixels of the picture.

    Attributes
    ----------
    name : str
        Of the layer within the network.
    size : float
        Width of the field; infinite after global pooling or a fully connected layer.
    jump : int
        Pixels from one unit's centre to the next one's.
    centre : float
        Centre of the first unit; the first pixel's centre is 0.
    """

    name: str
    size: float
    jump: int
    centre: float

    def through(self, name: str, kernel: int, stride: int, padding: int, dilation: int = 1) -> "Field":
        """Give the field after a layer that slides a window over this one.

        Parameters
        ----------
        name : str
            Of that layer.
        kernel, stride, padding, dilation : int
            Of its window.

        Returns
        -------
        Field
            Larger by ``dilation · (kernel − 1)`` jumps; the jump is `stride` times as long.
        """
        reach = dilation * (kernel - 1)
        centre = self.centre + (reach / 2 - padding) * self.jump
        return Field(name, self.size + reach * self.jump, self.jump * stride, centre)


def receptive_fields(model: nn.Module) -> list[Field]:
    """Follow a network's graph and give the field of each layer that slides a window.

    Parameters
    ----------
    model : torch.nn.Module
        A network that torch.fx can trace: no control flow that depends on the picture.

    Returns
    -------
    list of Field
        One entry for each convolution and pooling, in the order of the graph, without those that follow a
        summary over the whole picture.
    """
    graph = fx.symbolic_trace(model).graph
    modules = dict(model.named_modules())
    fields: dict[fx.Node, Field] = {}
    found: list[Field] = []
    for node in graph.nodes:
        if node.op == "placeholder":
            fields[node] = Field("picture", 1, 1, 0.0)
            continue
        before = [fields[source] for source in node.all_input_nodes if source in fields]
        if not before:
            continue
        widest = max(before, key=lambda field: field.size)
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        window = _window(node, module)
        if _sees_everything(node, module):
            fields[node] = Field(str(node.target), EVERYTHING, widest.jump, 0.0)
        elif window is None:
            fields[node] = widest
        else:
            name = str(node.target) if node.op == "call_module" else node.name
            fields[node] = widest.through(name, *window)
            if math.isfinite(fields[node].size):
                found.append(fields[node])
    return found


def seen_by_gradient(layers: nn.Module, size: int, channels: int = 3) -> tuple[int, int]:
    """Measure the field of the units in the middle of the last maps: the pixels that they have a gradient in.

    The stack is copied, and made such that nothing can cancel or be hidden: all weights are positive and
    equal, all biases zero, and max pooling, whose gradient goes to one pixel of a window only, becomes
    average pooling.

    Parameters
    ----------
    layers : torch.nn.Module
        Maps (1, channels, size, size) to (1, K, H_out, W_out).
    size : int
        Height and width of the picture; larger than the field, or else the border cuts it off.
    channels : int
        Channels of the picture.

    Returns
    -------
    height, width : int
        Of the smallest box that holds every pixel with a gradient.
    """
    probe = copy.deepcopy(layers).double().eval()
    with torch.no_grad():
        for module in probe.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.MaxPool2d):
                    average = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                    setattr(module, name, average)
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1 / math.prod(module.weight.shape[1:]))
                if module.bias is not None:
                    module.bias.zero_()
    x = torch.ones((1, channels, size, size), dtype=torch.float64, requires_grad=True)
    maps = probe(x)
    rows, columns = maps.shape[-2:]
    maps[0, :, rows // 2, columns // 2].sum().backward()
    assert x.grad is not None
    touched = x.grad[0].abs().sum(dim=0) > 0
    # From the first to the last: with strides and dilation there may be pixels in between that are left out.
    down, across = (touched.any(dim=axis).nonzero() for axis in (1, 0))
    return int(down.max() - down.min()) + 1, int(across.max() - across.min()) + 1


def _last(value: Any) -> int:
    """Give the setting along a picture's width, of a number or of a pair of numbers."""
    return int(value[-1] if isinstance(value, tuple | list) else value)


def _window(node: fx.Node, module: nn.Module | None) -> tuple[int, int, int, int] | None:
    """Kernel, stride, padding and dilation of a layer that slides a window, else None."""
    if isinstance(module, nn.Conv2d | nn.MaxPool2d):
        values = (module.kernel_size, module.stride, module.padding, module.dilation)
    elif isinstance(module, nn.AvgPool2d):
        values = (module.kernel_size, module.stride, module.padding, 1)
    elif node.op == "call_function" and node.name.startswith(("max_pool2d", "avg_pool2d")):
        given = dict(zip(("kernel_size", "stride", "padding"), node.args[1:], strict=False)) | node.kwargs
        kernel = given["kernel_size"]
        values = (kernel, given.get("stride") or kernel, given.get("padding", 0), 1)  # type: ignore[assignment]
    else:
        return None
    kernel, stride, padding, dilation = map(_last, values)
    return kernel, stride, padding, dilation


_GLOBAL: tuple[Callable[..., Any], ...] = (F.adaptive_avg_pool2d, F.linear)


def _sees_everything(node: fx.Node, module: nn.Module | None) -> bool:
    """Tell whether an operation mixes all places, or is one that the walk knows nothing about."""
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.Linear | nn.MultiheadAttention):
        return True
    if node.op == "call_function":
        return node.target in _GLOBAL
    return node.op == "call_method" and node.target == "mean"

"""Small relatives of the large networks, for pictures of 32×32: one family, five ways to spend operations.

All have batch normalisation after each convolution and no dropout, so that what differs is the architecture.
"""

from collections.abc import Callable

import torch
from torch import nn

from course_utils.accounting import multiply_adds
from course_utils.architectures.inception import Inception
from course_utils.architectures.residual import Residual

Builder = Callable[[int], nn.Sequential]


def small_lenet(width: int, num_classes: int = 10) -> nn.Sequential:
    """Two 5×5 convolutions and three fully connected layers: (N, 3, 32, 32) to (N, C)."""
    return nn.Sequential(
        *_conv(3, width, 5),
        nn.MaxPool2d(2),
        *_conv(width, 2 * width, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * 8 * 8, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, num_classes),
    )


def small_vgg(width: int, num_classes: int = 10) -> nn.Sequential:
    """After the stem three stages of two 3×3 convolutions: (N, 3, 32, 32) to (N, C)."""
    layers = _stem(width)
    channels = width
    for factor in (2, 4, 8):
        layers += [*_conv(channels, factor * width), *_conv(factor * width, factor * width)]
        layers += [nn.MaxPool2d(2)] if factor < 8 else []
        channels = factor * width
    return nn.Sequential(*layers, *_average_and_decide(channels, num_classes))


def small_inception(width: int, num_classes: int = 10) -> nn.Sequential:
    """After the stem three stages of an inception module: (N, 3, 32, 32) to (N, C)."""
    layers = _stem(width)
    channels = width
    for factor in (1, 2, 4):
        eighth = factor * width
        widths = (2 * eighth, 2 * eighth, 4 * eighth, (eighth + 1) // 2, eighth, eighth)
        layers += [Inception(channels, widths)]
        layers += [nn.MaxPool2d(2)] if factor < 4 else []
        channels = 8 * eighth
    return nn.Sequential(*layers, *_average_and_decide(channels, num_classes))


def small_resnet(width: int, num_classes: int = 10) -> nn.Sequential:
    """After the stem three stages of two residual blocks: (N, 3, 32, 32) to (N, C)."""
    layers = _stem(width)
    channels = width
    for factor in (1, 2, 4):
        for block in range(2):
            stride = 2 if factor > 1 and block == 0 else 1
            layers.append(Residual(channels, (factor * width, 3, stride), (factor * width, 3, 1)))
            channels = factor * width
    return nn.Sequential(*layers, *_average_and_decide(channels, num_classes))


class Separable(nn.Sequential):
    """A 3×3 filter for each channel alone, then 1×1 filters that mix channels (Howard et al. 2017).

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    stride : int
        Of the 3×3 filters.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, stride=stride, padding=1, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(),
            *_conv(in_channels, out_channels, 1),
        )


def small_mobilenet(width: int, num_classes: int = 10) -> nn.Sequential:
    """After the stem three stages of two depthwise separable layers: (N, 3, 32, 32) to (N, C)."""
    layers = _stem(width)
    channels = width
    for factor in (2, 4, 8):
        layers += [Separable(channels, factor * width, stride=2 if factor > 2 else 1)]
        layers += [Separable(factor * width, factor * width)]
        channels = factor * width
    return nn.Sequential(*layers, *_average_and_decide(channels, num_classes))


#: The five families by name; each builder takes a width.
SMALL: dict[str, Builder] = {
    "LeNet-style": small_lenet,
    "VGG-style": small_vgg,
    "Inception-style": small_inception,
    "residual": small_resnet,
    "depthwise separable": small_mobilenet,
}


def widest(builder: Builder, budget: int) -> nn.Sequential:
    """Build the widest network of a family within a budget of multiply-adds for a picture of 32×32.

    Parameters
    ----------
    builder : callable
        Takes a width; one of :data:`SMALL`.
    budget : int
        Multiply-adds.

    Returns
    -------
    torch.nn.Sequential
        With weights, drawn from PyTorch's global generator.

    Raises
    ------
    ValueError
        If not even a width of 1 fits.
    """
    width = 0
    with torch.device("meta"):
        while multiply_adds(builder(width + 1), (3, 32, 32)) <= budget:
            width += 1
    if width == 0:
        raise ValueError(f"a width of 1 needs more than {budget:,} multiply-adds; raise the budget")
    return builder(width)


def _conv(in_channels: int, out_channels: int, size: int = 3) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, size, padding=size // 2, bias=False)
    return [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]


def _stem(width: int) -> list[nn.Module]:
    """Give a 3×3 convolution on 32×32 pixels, then pooling to 16×16."""
    return [*_conv(3, width), nn.MaxPool2d(2)]


def _average_and_decide(channels: int, num_classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]

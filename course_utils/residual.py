"""Residual networks for small pictures, and the plain networks that they are compared with.

Every builder returns a ``torch.nn.Module`` that maps images of shape (N, C_in, H, W), float32, to scores
of shape (N, C). Initialisation draws from PyTorch's global generator: call ``torch.manual_seed`` first
to get the same network again. Source: He, Zhang, Ren and Sun, Deep residual learning for image recognition
(2015), section 4.2.
"""

import torch
from torch import nn
from torch.nn import functional as F


class PlainBlock(nn.Module):
    """Two 3×3 convolutions, each with batch normalisation and ReLU: F(x), without a shortcut.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after the block.
    stride : int
        Stride of the first convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.stride = stride
        self.new_channels = out_channels - in_channels

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """Compute F(x), everything up to the last ReLU."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        return F.relu(self.residual(x))


class BasicBlock(PlainBlock):
    """Two 3×3 convolutions and a shortcut around them: F(x) + x (He et al. 2015, fig. 2).

    Where the block halves the maps and doubles the channels, the shortcut takes every second pixel and
    pads the new channels with zeros (option A of the paper): it has no parameters.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after the block.
    stride : int
        Stride of the first convolution and of the shortcut.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.new_channels:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(self.residual(x) + shortcut)


def cifar_resnet(depth: int, num_classes: int = 10, in_channels: int = 3, width: int = 16) -> nn.Sequential:
    """Residual network for small pictures (He et al. 2015, section 4.2).

    A 3×3 convolution to `width` maps, three stages of n blocks with `width`, 2·`width` and 4·`width` maps,
    global average pooling and one linear layer: 6n + 2 layers with weights. Batch normalisation after each
    convolution, He initialisation.

    Parameters
    ----------
    depth : int
        Layers with weights, 6n + 2: 8, 14, 20, 26, 32, 44, 56, 110 …
    num_classes : int
        Classes, C.
    in_channels : int
        Channels of a picture.
    width : int
        Maps of the first stage; the paper has 16.

    Returns
    -------
    torch.nn.Sequential
        Three layers of the stem, 3n blocks of type :class:`BasicBlock`, and the head.

    Raises
    ------
    ValueError
        If no n gives this depth.

    Examples
    --------
    >>> sum(p.numel() for p in cifar_resnet(56).parameters())  # the paper says 0.85 M
    853018
    """
    return _three_stages(BasicBlock, depth, num_classes, in_channels, width)


def cifar_plain(depth: int, num_classes: int = 10, in_channels: int = 3, width: int = 16) -> nn.Sequential:
    """Build the network of :func:`cifar_resnet` without its shortcuts (He et al. 2015, section 4.2).

    The same layers, the same parameters, and from the same seed the same starting weights.

    Parameters
    ----------
    depth, num_classes, in_channels, width : int
        As for :func:`cifar_resnet`.

    Returns
    -------
    torch.nn.Sequential
        With blocks of type :class:`PlainBlock`.

    Raises
    ------
    ValueError
        If no n gives this depth.
    """
    return _three_stages(PlainBlock, depth, num_classes, in_channels, width)


def _three_stages(
    block: type[PlainBlock], depth: int, num_classes: int, in_channels: int, width: int
) -> nn.Sequential:
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        raise ValueError(
            f"depth is {depth}; three stages of n blocks with two layers each, a first and a last layer make "
            "6n + 2: give 8, 14, 20, 26, 32, 44, 56, 110 …"
        )
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    channels = width
    for maps in (width, 2 * width, 4 * width):
        for _ in range(blocks):
            layers.append(block(channels, maps, stride=1 if maps == channels else 2))
            channels = maps
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return model


def resnet20(num_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """ResNet-20 for 32×32 pictures: :func:`cifar_resnet` with three blocks a stage.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    in_channels : int
        Channels of a picture.

    Returns
    -------
    torch.nn.Sequential
        269,722 parameters for ten classes of colour pictures (the paper says 0.27 M).
    """
    return cifar_resnet(20, num_classes, in_channels)

"""ResNet-18 to -152 for ImageNet: basic blocks and bottlenecks with projections where the shape changes."""

import torch
from torch import nn
from torch.nn import functional as F

#: Blocks in each of the four stages, by depth (He et al. 2016, table 1).
STAGES: dict[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


class Residual(nn.Module):
    """A few convolutions and a shortcut around them: F(x) + x (He et al. 2016, fig. 2 and 5).

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    *shape : tuple of int, (channels, size, stride)
        The convolutions, one after the other.
    """

    def __init__(self, in_channels: int, *shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, total_stride = in_channels, 1
        layers: list[nn.Module] = []
        for out_channels, size, stride in shape:
            conv = nn.Conv2d(channels, out_channels, size, stride=stride, padding=size // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]
            channels, total_stride = out_channels, total_stride * stride
        self.layers = nn.Sequential(*layers[:-1])  # the last ReLU comes after the sum
        self.shortcut = nn.Sequential()
        if channels != in_channels or total_stride != 1:
            self.shortcut.append(nn.Conv2d(in_channels, channels, 1, stride=total_stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, K, ⌈H/stride⌉, ⌈W/stride⌉), K the last layer's channels."""
        return F.relu(self.layers(x) + self.shortcut(x))


def resnet(depth: int = 50, num_classes: int = 1000, width: int = 64) -> nn.Sequential:
    """ResNet as torchvision has it: a bottleneck that halves the maps does so in its 3×3 convolution.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Layers with weights, shortcuts not counted.
    num_classes : int
        Classes, C.
    width : int
        Channels of the first stage (a quarter of its output, in bottlenecks).

    Returns
    -------
    torch.nn.Sequential
        11,689,512, 21,797,672, 25,557,032, 44,549,160 or 60,192,808 parameters for 1000 classes.

    Raises
    ------
    ValueError
        If there is no such depth.
    """
    return _resnet(depth, num_classes, width, stride_first=False)


def resnet_2015(depth: int = 50, num_classes: int = 1000, width: int = 64) -> nn.Sequential:
    """ResNet as published: a bottleneck that halves the maps does so in its first 1×1 convolution.

    Parameters
    ----------
    depth, num_classes, width : int
        As for :func:`resnet`, which has as many parameters.

    Returns
    -------
    torch.nn.Sequential
        Fewer multiply-adds and a larger receptive field than :func:`resnet`; up to depth 34 the same network.

    Raises
    ------
    ValueError
        If there is no such depth.
    """
    return _resnet(depth, num_classes, width, stride_first=True)


def _resnet(depth: int, num_classes: int, width: int, stride_first: bool) -> nn.Sequential:
    if depth not in STAGES:
        raise ValueError(f"depth is {depth}; wanted one of {', '.join(map(str, STAGES))}")
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]
    channels = width
    for stage, blocks in enumerate(STAGES[depth]):
        inner = width * 2**stage
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            if depth < 50:
                layers.append(Residual(channels, (inner, 3, stride), (inner, 3, 1)))
                channels = inner
            else:
                first, second = (stride, 1) if stride_first else (1, stride)
                shape = ((inner, 1, first), (inner, 3, second), (4 * inner, 1, 1))
                layers.append(Residual(channels, *shape))
                channels = 4 * inner
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))

"""GoogLeNet: modules of four branches, 1×1 bottlenecks, global average pooling, auxiliary heads."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Layer = Callable[..., nn.Module]

#: Input channels, and filters: 1×1; before the 3×3, 3×3; before the 5×5, 5×5; after pooling
#: (Szegedy et al. 2015, table 1).
MODULES: dict[str, tuple[int, tuple[int, ...]]] = {
    "3a": (192, (64, 96, 128, 16, 32, 32)),
    "3b": (256, (128, 128, 192, 32, 96, 64)),
    "4a": (480, (192, 96, 208, 16, 48, 64)),
    "4b": (512, (160, 112, 224, 24, 64, 64)),
    "4c": (512, (128, 128, 256, 24, 64, 64)),
    "4d": (512, (112, 144, 288, 32, 64, 64)),
    "4e": (528, (256, 160, 320, 32, 128, 128)),
    "5a": (832, (256, 160, 320, 32, 128, 128)),
    "5b": (832, (384, 192, 384, 48, 128, 128)),
}


def conv_bn_relu(in_channels: int, out_channels: int, kernel_size: int, **options: Any) -> nn.Sequential:
    """Convolution without bias, batch normalisation, ReLU: (N, C, H, W) to (N, K, H_out, W_out)."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False, **options)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels, eps=0.001), nn.ReLU())


def conv_relu(in_channels: int, out_channels: int, kernel_size: int, **options: Any) -> nn.Sequential:
    """Convolution with bias, ReLU: (N, C, H, W) to (N, K, H_out, W_out)."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size, **options), nn.ReLU())


class Inception(nn.Module):
    """Four branches side by side, their maps stacked (Szegedy et al. 2015, fig. 2b).

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    filters : sequence of six int
        Filters of 1×1; of 1×1 before the 3×3, and of those; of 1×1 before the large ones, and of those; of
        1×1 after max pooling.
    layer : callable
        Builds a convolution with its activation.
    field : int
        Size of the large filters: 5 in the paper, 3 in torchvision.
    """

    def __init__(
        self,
        in_channels: int,
        filters: Sequence[int],
        layer: Layer = conv_bn_relu,
        field: int = 5,
    ) -> None:
        super().__init__()
        ones, reduce3, threes, reduce5, fives, pooled = filters
        self.branch1 = layer(in_channels, ones, 1)
        self.branch2 = nn.Sequential(layer(in_channels, reduce3, 1), layer(reduce3, threes, 3, padding=1))
        large = layer(reduce5, fives, field, padding=field // 2)
        self.branch3 = nn.Sequential(layer(in_channels, reduce5, 1), large)
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), layer(in_channels, pooled, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to (N, K, H, W), K the filters of all four branches together."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHead(nn.Module):
    """A classifier on maps halfway up; it adds gradient there during training.

    Parameters
    ----------
    in_channels, num_classes : int
        Channels of the maps; classes, C.
    layer : callable
        Builds a convolution with its activation.
    """

    def __init__(self, in_channels: int, num_classes: int, layer: Layer) -> None:
        super().__init__()
        self.conv = layer(in_channels, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, num_classes)."""
        x = self.conv(F.adaptive_avg_pool2d(x, 4))
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


class GoogLeNet(nn.Module):
    """The network of Szegedy et al. 2015, table 1; the builders below choose its layers.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    auxiliary : bool
        Have the two auxiliary heads. They speak in training mode only.
    layer : callable
        Builds a convolution with its activation.
    field : int
        Size of the large filters.
    """

    def __init__(self, num_classes: int, auxiliary: bool, layer: Layer, field: int) -> None:
        super().__init__()
        self.conv1 = layer(3, 64, 7, stride=2, padding=3)
        self.conv2 = layer(64, 64, 1)
        self.conv3 = layer(64, 192, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool4 = nn.MaxPool2d(2 if field == 3 else 3, stride=2, ceil_mode=True)  # torchvision: 2
        self.modules_by_name = nn.ModuleDict(
            {
                name: Inception(channels, filters, layer, field)
                for name, (channels, filters) in MODULES.items()
            }
        )
        self.heads = nn.ModuleDict()
        if auxiliary:
            self.heads["4a"] = AuxiliaryHead(512, num_classes, layer)
            self.heads["4d"] = AuxiliaryHead(528, num_classes, layer)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2 if field == 3 else 0.4)
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map (N, 3, H, W) to (N, C); in training with auxiliary heads to three such, the last one first."""
        x = self.pool(self.conv1(x))
        x = self.pool(self.conv3(self.conv2(x)))
        others = []
        for name, module in self.modules_by_name.items():
            x = module(x)
            if self.training and name in self.heads:
                others.append(self.heads[name](x))
            if name == "3b":
                x = self.pool(x)
            if name == "4e":
                x = self.pool4(x)
        scores = self.fc(self.dropout(self.average(x).flatten(1)))
        return (scores, *reversed(others)) if others else scores


def googlenet(num_classes: int = 1000, auxiliary: bool = True) -> GoogLeNet:
    """GoogLeNet as torchvision has it: batch normalisation added, the 5×5 filters are 3×3.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    auxiliary : bool
        Have the two auxiliary heads.

    Returns
    -------
    GoogLeNet
        13,004,888 parameters with auxiliary heads, 6,624,904 without.
    """
    return GoogLeNet(num_classes, auxiliary, conv_bn_relu, 3)


def googlenet_2014(num_classes: int = 1000, auxiliary: bool = True) -> GoogLeNet:
    """GoogLeNet as published: 5×5 filters, biases, no batch normalisation.

    The local response normalisation of the paper's figure 3, which has no parameters, is left out.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    auxiliary : bool
        Have the two auxiliary heads.

    Returns
    -------
    GoogLeNet
        6,998,552 parameters without auxiliary heads.
    """
    return GoogLeNet(num_classes, auxiliary, conv_relu, 5)

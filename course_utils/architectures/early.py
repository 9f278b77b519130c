"""LeNet-5, AlexNet and ZFNet: a stack of convolutions, then fully connected layers."""

from collections.abc import Sequence

import torch
from torch import nn

#: Maps of S2 that each map of C3 reads (LeCun et al. 1998, table I).
C3_SOURCES: tuple[tuple[int, ...], ...] = (
    *(tuple(sorted((i + j) % 6 for j in range(3))) for i in range(6)),
    *(tuple(sorted((i + j) % 6 for j in range(4))) for i in range(6)),
    *(tuple(sorted((i + j) % 6 for j in (0, 1, 3, 4))) for i in range(3)),
    tuple(range(6)),
)


class PartialConv2d(nn.Module):
    """A convolution whose maps each read some of the channels only.

    Parameters
    ----------
    sources : sequence of sequence of int
        One entry a map: the channels that it reads.
    kernel_size : int
        Height and width of the filters.
    """

    def __init__(self, sources: Sequence[Sequence[int]], kernel_size: int) -> None:
        super().__init__()
        self.sources = [list(channels) for channels in sources]
        self.convs = nn.ModuleList(nn.Conv2d(len(channels), 1, kernel_size) for channels in self.sources)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to (N, K, H_out, W_out), K the number of sources."""
        maps = [conv(x[:, channels]) for conv, channels in zip(self.convs, self.sources, strict=True)]
        return torch.cat(maps, dim=1)


class Subsampling(nn.Module):
    """Sum of each 2×2 window, times a coefficient, plus a bias, both learned for each map.

    Parameters
    ----------
    channels : int
        Number of maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to (N, C, H // 2, W // 2)."""
        return self.coefficient * (4 * self.pool(x)) + self.bias


class Squash(nn.Module):
    """The scaled hyperbolic tangent 1.7159 tanh(2a/3) of LeCun et al. 1998, section II.B."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map an array of any shape, such as (N, C, H, W), to the same shape."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class DistanceToCodes(nn.Module):
    """Scores by the distance to a fixed code of ±1 for each class.

    The paper's codes are small drawings of the digits and the outputs are the squared distances; here the
    codes are drawn at random, and the sign is turned so that the highest score wins, as everywhere else.

    Parameters
    ----------
    features, num_classes : int
        Length of a code, and how many there are.
    """

    codes: torch.Tensor

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", 2 * torch.bernoulli(torch.full((num_classes, features), 0.5)) - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, features) to (N, num_classes)."""
        return -((x[:, None] - self.codes) ** 2).sum(dim=2)


def lenet5(num_classes: int = 10) -> nn.Sequential:
    """LeNet-5 as LeCun et al. (1998, section II.B) describe it, for grayscale pictures of 32×32.

    Parameters
    ----------
    num_classes : int
        Classes, C.

    Returns
    -------
    torch.nn.Sequential
        60,000 parameters, whatever the number of classes: the codes of the last layer are fixed.
    """
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5), Squash()),  # C1: 6 × 28 × 28
        nn.Sequential(Subsampling(6), Squash()),  # S2: 6 × 14 × 14
        nn.Sequential(PartialConv2d(C3_SOURCES, 5), Squash()),  # C3: 16 × 10 × 10
        nn.Sequential(Subsampling(16), Squash()),  # S4: 16 × 5 × 5
        nn.Sequential(nn.Conv2d(16, 120, 5), Squash()),  # C5: 120 × 1 × 1
        nn.Sequential(nn.Flatten(), nn.Linear(120, 84), Squash()),  # F6
        DistanceToCodes(84, num_classes),
    )


def alexnet(num_classes: int = 1000) -> nn.Sequential:
    """AlexNet in one tower, as torchvision has it (Krizhevsky 2014, "One weird trick").

    Parameters
    ----------
    num_classes : int
        Classes, C.

    Returns
    -------
    torch.nn.Sequential
        61,100,840 parameters for 1000 classes; pictures have at least 63×63 pixels, 224×224 in the paper.
    """
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        *_head(256 * 6 * 6, num_classes, dropout_first=True),
    )


def alexnet_2012(num_classes: int = 1000, towers: int = 2) -> nn.Sequential:
    """AlexNet as Krizhevsky et al. (2012, fig. 2) published it: two towers, one a graphics card.

    The towers meet in the third convolution and in the fully connected layers. Responses are normalised after
    the first two ReLUs (section 3.3; PyTorch divides α by the number of maps, the paper does not).

    Parameters
    ----------
    num_classes : int
        Classes, C.
    towers : int
        2 as published; 1 lets every filter of the second, fourth and fifth layer read all maps.

    Returns
    -------
    torch.nn.Sequential
        60,965,224 parameters for 1000 classes (the paper says 60 million); 62,378,344 in one tower. For
        pictures of 224×224; the padding of 2 in the first layer, which the paper does not mention, makes
        its maps 55×55.
    """
    normalise = {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2.0}
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(**normalise),  # type: ignore[arg-type]
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2, groups=towers),
        nn.ReLU(),
        nn.LocalResponseNorm(**normalise),  # type: ignore[arg-type]
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=towers),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=towers),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        *_head(256 * 6 * 6, num_classes),
    )


def zfnet(num_classes: int = 1000) -> nn.Sequential:
    """ZFNet (Zeiler and Fergus 2014, fig. 3): AlexNet in one tower with a finer first layer.

    Parameters
    ----------
    num_classes : int
        Classes, C.

    Returns
    -------
    torch.nn.Sequential
        62,357,608 parameters for 1000 classes; for pictures of 224×224. The paddings are chosen so that the
        maps have the paper's sizes 110, 55, 26, 13 and 6.
    """
    return nn.Sequential(
        nn.Conv2d(3, 96, 7, stride=2, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.Conv2d(96, 256, 5, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        *_head(256 * 6 * 6, num_classes),
    )


def _head(features: int, num_classes: int, dropout_first: bool = False) -> list[nn.Module]:
    """Three fully connected layers, the first two with ReLU and dropout of one half."""
    layers = [nn.Linear(features, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()]
    if dropout_first:
        return [nn.Dropout(0.5), *layers[:2], nn.Dropout(0.5), *layers[3:], nn.Linear(4096, num_classes)]
    return [*layers, nn.Dropout(0.5), nn.Linear(4096, num_classes)]

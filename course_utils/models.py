"""The networks that the ladder and the recorded experiments train.

Every builder returns a ``torch.nn.Module`` that maps images of shape (N, C_in, H, W), float32, to scores
of shape (N, C). Initialisation draws from PyTorch's global generator: call ``torch.manual_seed`` first
to get the same network again.
"""

from collections.abc import Sequence

from torch import nn

from course_utils.residual import BasicBlock, PlainBlock, cifar_plain, cifar_resnet, resnet20

__all__ = [
    "BasicBlock",
    "PlainBlock",
    "car_truck_cnn",
    "cifar10_cnn",
    "cifar_plain",
    "cifar_resnet",
    "linear",
    "mlp",
    "resnet20",
    "small_cnn",
]


def linear(in_features: int, num_classes: int) -> nn.Sequential:
    """One fully connected layer on the flattened picture: a linear classifier.

    Parameters
    ----------
    in_features : int
        Numbers in one picture, D = H·W·C_in.
    num_classes : int
        Classes, C.

    Returns
    -------
    torch.nn.Sequential
        D·C + C parameters.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, num_classes))


def mlp(in_features: int, hidden: int | Sequence[int], num_classes: int) -> nn.Sequential:
    """Fully connected layers with ReLU between them.

    Parameters
    ----------
    in_features : int
        Numbers in one picture, D = H·W·C_in.
    hidden : int or sequence of int
        Units of the hidden layer, or of each hidden layer in turn.
    num_classes : int
        Classes, C.

    Returns
    -------
    torch.nn.Sequential
        For one hidden layer of M units: (D + 1)·M + (M + 1)·C parameters.

    Examples
    --------
    >>> sum(p.numel() for p in mlp(784, 100, 10).parameters())
    79510
    """
    sizes = [in_features, *([hidden] if isinstance(hidden, int) else hidden)]
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))


def small_cnn(num_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """Three convolutions with batch normalisation, and one linear layer.

    Small enough to learn from 10,000 pictures of 32×32 within a minute on two cores. Pictures may have any
    size of at least 8×8: the last maps are pooled to 4×4.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    in_channels : int
        Channels of a picture: 3 for colour, 1 for grayscale.

    Returns
    -------
    torch.nn.Sequential
        113,962 parameters for ten classes of colour pictures.
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in ((in_channels, 32), (32, 64), (64, 128)):
        # The normalisation that follows has a bias of its own.
        layers += [
            nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128 * 4 * 4, num_classes))


def cifar10_cnn(num_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """Six convolutions in three blocks and three fully connected layers, for pictures of 32×32.

    Each block has two 3×3 convolutions with padding 1, batch normalisation after the first of them, ReLU
    after both, and ends in max pooling: 64, 128 and 256 maps of 16×16, 8×8 and 4×4. The 4,096 numbers that
    leave the last block go through 1,024 and 512 hidden units. A little dropout after the second block and
    between the fully connected layers.

    Parameters
    ----------
    num_classes : int
        Classes, C.
    in_channels : int
        Channels of a picture.

    Returns
    -------
    torch.nn.Sequential
        Maps (N, in_channels, 32, 32) to (N, num_classes); 5,852,170 parameters for ten classes of colour
        pictures.
    """
    layers: list[nn.Module] = []
    for fan_in, middle, fan_out in ((in_channels, 32, 64), (64, 128, 128), (128, 256, 256)):
        layers += [nn.Conv2d(fan_in, middle, 3, padding=1), nn.BatchNorm2d(middle), nn.ReLU()]
        layers += [nn.Conv2d(middle, fan_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        if fan_out == 128:
            layers.append(nn.Dropout2d(0.05))
    layers += [nn.Flatten(), nn.Dropout(0.1), nn.Linear(256 * 4 * 4, 1024), nn.ReLU()]
    layers += [nn.Linear(1024, 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, num_classes)]
    return nn.Sequential(*layers)


def car_truck_cnn(head: Sequence[int] = (64,)) -> nn.Sequential:
    """Three convolutions that tell car from truck on grayscale pictures of 32×32.

    Convolutions 1→32 (7×7), 32→64 (5×5) and 64→64 (3×3) without padding, each with batch normalisation and
    ReLU, the first two followed by max pooling; then a hidden layer and one output. The output is the
    logit: the sigmoid belongs to the loss, which is then safe for large scores.

    Parameters
    ----------
    head : sequence of int
        Units of the hidden layers after the convolutions; ``(64, 32, 16, 2)`` ends in a feature map that
        can be drawn.

    Returns
    -------
    torch.nn.Sequential
        Maps (N, 1, 32, 32) to (N, 1).
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out, size in ((1, 32, 7), (32, 64, 5), (64, 64, 3)):
        layers += [nn.Conv2d(fan_in, fan_out, size), nn.BatchNorm2d(fan_out), nn.ReLU()]
        if size > 3:
            layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    sizes = [64 * 2 * 2, *head]  # 32 → 26 → 13 → 9 → 4 → 2
    for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

"""VGG: nothing but 3×3 convolutions, in five stages that halve the maps and double the channels."""

from torch import nn

#: Convolutions in each of the five stages, by depth (Simonyan and Zisserman 2015, table 1).
STAGES: dict[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def vgg(depth: int = 16, num_classes: int = 1000, width: int = 64, hidden: int = 4096) -> nn.Sequential:
    """VGG-11, -13, -16 or -19 (columns A, B, D and E of the paper's table 1).

    Parameters
    ----------
    depth : {11, 13, 16, 19}
        Layers with weights.
    num_classes : int
        Classes, C.
    width : int
        Channels of the first stage; the others have 2, 4, 8 and 8 times as many.
    hidden : int
        Units of the two hidden fully connected layers.

    Returns
    -------
    torch.nn.Sequential
        138,357,544 parameters at depth 16, 143,667,240 at depth 19. Pictures have at least 32×32 pixels,
        224×224 in the paper.

    Raises
    ------
    ValueError
        If there is no such depth.
    """
    if depth not in STAGES:
        raise ValueError(f"depth is {depth}; wanted one of {', '.join(map(str, STAGES))}")
    layers: list[nn.Module] = []
    channels = 3
    for repeats, factor in zip(STAGES[depth], (1, 2, 4, 8, 8), strict=True):
        for _ in range(repeats):
            layers += [nn.Conv2d(channels, factor * width, 3, padding=1), nn.ReLU()]
            channels = factor * width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        nn.Linear(channels * 7 * 7, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, num_classes),
    )

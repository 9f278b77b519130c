"""Augmentation of whole batches: random changes to pictures that leave their class as it is, without a loop.

Every function takes a batch (N, H, W, C), channels last as NumPy keeps pictures, and a generator on the CPU,
draws for each picture anew, and returns new pictures of the same shape and dtype; the given ones stay as they
are. Where a change needs pixels from outside a picture, its edge is repeated: zeros would draw a frame that
tells how far the picture was moved. `functools.partial` sets a strength, `chain` joins several.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""What :func:`course_utils.training.train` takes: a batch and a generator to a batch."""


def chain(*steps: Augment) -> Augment:
    """Join augmentations: the first is applied first.

    Parameters
    ----------
    *steps : callable
        Functions of a batch and a generator, such as those of this module.

    Returns
    -------
    callable
        One function of a batch and a generator.

    Examples
    --------
    >>> from functools import partial
    >>> both = chain(flip, partial(cutout, size=8))
    >>> both(torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 32, 32, 3])
    """

    def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        for step in steps:
            images = step(images, generator)
        return images

    return augment


def flip_and_shift(
    images: torch.Tensor, generator: torch.Generator, shift: int = 4, fill: int | None = None
) -> torch.Tensor:
    """Flip each picture left to right with probability one half and shift it by up to `shift` pixels.

    The shift is a random crop from the picture with `shift` pixels of edge repeated on every side (zeros
    would draw a frame that tells how far a picture was moved), or filled with a number as in
    ``torchvision.transforms.RandomCrop``.

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), any dtype
        A batch, channels last as NumPy keeps them.
    generator : torch.Generator
        Where the random numbers come from; on the CPU.
    shift : int
        Largest shift in pixels; 0 flips only.
    fill : int, optional
        What pixels from outside are set to, 0 for black. By default the edge is repeated.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        New pictures; the given ones stay as they are.
    """
    n, height, width, _ = images.shape
    down = torch.randint(-shift, shift + 1, (n, 1), generator=generator)
    right = torch.randint(-shift, shift + 1, (n, 1), generator=generator)
    flipped = torch.randint(0, 2, (n, 1), generator=generator).bool()
    rows, columns = torch.arange(height) + down, torch.arange(width) + right  # (N, H), (N, W)
    columns = torch.where(flipped, columns.flip(1), columns)
    device = images.device
    batch = torch.arange(n, device=device)[:, None, None]
    row, column = rows.clamp(0, height - 1).to(device), columns.clamp(0, width - 1).to(device)
    moved = images[batch, row[:, :, None], column[:, None, :]]
    if fill is not None:
        above_or_below = (rows != rows.clamp(0, height - 1)).to(device)
        beside = (columns != columns.clamp(0, width - 1)).to(device)
        moved[above_or_below[:, :, None] | beside[:, None, :]] = fill
    return moved


def flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Flip each picture of a batch (N, H, W, C) left to right with probability one half."""
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.to(images.device)[:, None, None, None], images.flip(2), images)


def affine(
    images: torch.Tensor,
    generator: torch.Generator,
    rotation: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
    shift: float = 0.0,
) -> torch.Tensor:
    """Turn, magnify, shear and move each picture by random amounts about its centre.

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), uint8 or floating point
        The batch.
    generator : torch.Generator
        Where the random numbers come from.
    rotation : float
        Largest angle, in degrees to either side.
    scale : float
        Largest magnification: the factor is between 1/(1 + scale) and 1 + scale, evenly in its logarithm.
    shear : float
        Largest slope: a point one pixel higher is moved sideways by up to so many pixels.
    shift : float
        Largest translation along each axis, as a part of the picture's width and height.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        Bilinear between pixels; edges repeated; uint8 is rounded.

    Raises
    ------
    ValueError
        If a strength is negative.
    """
    if min(rotation, scale, shear, shift) < 0:
        raise ValueError(
            f"strengths must not be negative, but rotation, scale, shear and shift are {rotation}, {scale}, "
            f"{shear} and {shift}; each is drawn from both sides of zero."
        )
    n, height, width, _ = images.shape
    draw = 2 * torch.rand(5, n, generator=generator) - 1  # each row one quantity, in [-1, 1)
    angle, slope = torch.deg2rad(rotation * draw[0]), shear * draw[2]
    shrink = torch.exp(
        -torch.log1p(torch.tensor(scale)) * draw[1]
    )  # from a place in the result to its source
    # Coordinates run from -1 to 1 along both axes; a turn in pixels mixes axes of different length.
    matrix = torch.stack(
        [
            torch.stack([angle.cos(), (slope * angle.cos() - angle.sin()) * height / width], dim=1),
            torch.stack([angle.sin() * width / height, slope * angle.sin() + angle.cos()], dim=1),
        ],
        dim=1,
    )
    theta = torch.cat(
        [shrink[:, None, None] * matrix, 2 * shift * draw[3:].T[:, :, None]], dim=2
    )  # (N, 2, 3)
    return _resample(images, theta)


def crop(images: torch.Tensor, generator: torch.Generator, smallest: float = 0.6) -> torch.Tensor:
    """Cut a window of random size and place out of each picture and enlarge it to the full size.

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), uint8 or floating point
        The batch.
    generator : torch.Generator
        Where the random numbers come from.
    smallest : float
        Smallest side of the window as a part of the picture's, more than 0 and at most 1.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        The windows, none of them reaching over the edge.

    Raises
    ------
    ValueError
        If `smallest` is not as described.
    """
    if not 0 < smallest <= 1:
        raise ValueError(f"smallest must be more than 0 and at most 1, not {smallest}.")
    n = len(images)
    side = smallest + (1 - smallest) * torch.rand(n, generator=generator)
    centre = (1 - side)[:, None] * (2 * torch.rand(n, 2, generator=generator) - 1)
    theta = torch.cat([side[:, None, None] * torch.eye(2), centre[:, :, None]], dim=2)
    return _resample(images, theta)


def noise(images: torch.Tensor, generator: torch.Generator, deviation: float = 10.0) -> torch.Tensor:
    """Add normal noise to every number.

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), uint8 or floating point in [0, 255]
        The batch.
    generator : torch.Generator
        Where the random numbers come from.
    deviation : float
        Standard deviation, in levels of 255.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        Cut off at 0 and 255.
    """
    grain = deviation * torch.randn(images.shape, generator=generator)
    return _as(images.float() + grain.to(images.device), images.dtype)


def colour_jitter(images: torch.Tensor, generator: torch.Generator, strength: float = 0.4) -> torch.Tensor:
    """Change brightness, contrast and saturation of each picture by random factors.

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), uint8 or floating point in [0, 255]
        The batch.
    generator : torch.Generator
        Where the random numbers come from.
    strength : float
        Each of the three factors is between 1 - strength and 1 + strength; between 0 and 1.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        Cut off at 0 and 255 at the end. A grey picture stays grey.

    Raises
    ------
    ValueError
        If `strength` is not as described.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be between 0 and 1, not {strength}.")
    factors = 1 + strength * (2 * torch.rand(3, len(images), 1, 1, 1, generator=generator) - 1)
    brightness, contrast, saturation = factors.to(images.device)
    x = brightness * images.float()
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = mean + contrast * (x - mean)
    grey = x.mean(dim=3, keepdim=True)
    return _as(grey + saturation * (x - grey), images.dtype)


def cutout(
    images: torch.Tensor, generator: torch.Generator, size: int = 12, value: float = 127.5
) -> torch.Tensor:
    """Cover one square of each picture (DeVries and Taylor 2017).

    Parameters
    ----------
    images : torch.Tensor of shape (N, H, W, C), any dtype
        The batch.
    generator : torch.Generator
        Where the random numbers come from.
    size : int
        Side of the square in pixels. Its centre may be any pixel, so that it can lie partly outside.
    value : float
        What stands in the square: mid-grey, which `course_utils.training` scales to about 0.

    Returns
    -------
    torch.Tensor of shape (N, H, W, C)
        The pictures with their squares.
    """
    n, height, width, _ = images.shape

    def covered(length: int) -> torch.Tensor:
        first = torch.randint(0, length, (n, 1), generator=generator) - size // 2
        place = torch.arange(length)
        return (place >= first) & (place < first + size)

    square = covered(height)[:, :, None] & covered(width)[:, None, :]  # (N, H, W)
    filling = torch.tensor(value).to(device=images.device, dtype=images.dtype)
    return torch.where(square.to(images.device)[..., None], filling, images)


def _resample(images: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Read each picture at the places that its matrix (2, 3) says, in coordinates from -1 to 1."""
    x = images.permute(0, 3, 1, 2).float()
    grid = F.affine_grid(theta.to(x.device), list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return _as(moved.permute(0, 2, 3, 1), images.dtype)


def _as(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Bring pictures back to their dtype, cut off at 0 and 255."""
    x = x.clamp(0, 255)
    return x.to(dtype) if dtype.is_floating_point else x.round().to(dtype)

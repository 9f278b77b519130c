"""Augmentation of whole batches: random flips and shifts by indexing, without a loop over pictures."""

import torch


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

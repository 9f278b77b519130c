"""A few pictures in CIFAR-10's binary on-disk format, for tests that run chapters on another data set."""

from pathlib import Path

import numpy as np

from course_utils.data import load
from course_utils.data.pocket10 import POCKET10_CLASSES
from course_utils.data.real import CIFAR10


def write_small_cifar10(root: Path, per_class: int = 50, seed: int = 0) -> Path:
    """Write ``cifar-10-batches-bin`` into a folder that COURSE_DATA may then name.

    Training and test set have ``per_class`` pictures of each class. They are Pocket-10's, under CIFAR-10's
    names: classes that both sets have keep theirs, the others take what is left.
    """
    left = [name for name in CIFAR10.classes if name not in POCKET10_CLASSES]
    renamed = [name if name in CIFAR10.classes else left.pop() for name in POCKET10_CLASSES]
    relabel = np.array([CIFAR10.classes.index(name) for name in renamed], dtype=np.uint8)
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        images, labels = load("pocket10", split, n=10 * per_class, seed=seed)
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        records = np.concatenate([relabel[labels][:, None], planes], axis=1)
        files = (
            [f"data_batch_{number}.bin" for number in range(1, 6)] if split == "train" else ["test_batch.bin"]
        )
        for name, part in zip(files, np.array_split(records, len(files)), strict=True):
            part.tofile(folder / name)
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10.classes) + "\n")
    return folder

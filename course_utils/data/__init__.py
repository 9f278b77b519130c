"""Pictures with labels: Pocket-10, which the course draws itself, and real data sets.

Importing this package does not import PyTorch.
"""

from course_utils.data.errors import DataError, DataNotFoundError, DownloadError
from course_utils.data.folder import load_folder
from course_utils.data.paths import cache_dir, data_dir
from course_utils.data.pocket10 import (
    POCKET10_CLASSES,
    POCKET10_DIALS,
    POCKET10_STANDARD,
    pocket10,
    pocket10_masks,
)
from course_utils.data.sets import class_names, describe, load
from course_utils.data.splits import balanced_subset, to_grayscale, train_validation_split

__all__ = [
    "POCKET10_CLASSES",
    "POCKET10_DIALS",
    "POCKET10_STANDARD",
    "DataError",
    "DataNotFoundError",
    "DownloadError",
    "balanced_subset",
    "cache_dir",
    "class_names",
    "data_dir",
    "describe",
    "load",
    "load_folder",
    "pocket10",
    "pocket10_masks",
    "to_grayscale",
    "train_validation_split",
]

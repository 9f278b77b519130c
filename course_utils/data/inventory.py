"""Which data sets are there, where, and how many pictures they hold."""

from dataclasses import dataclass
from pathlib import Path

from course_utils.data import cifar, real
from course_utils.data.errors import DataError
from course_utils.data.folder import count_pictures
from course_utils.data.paths import cache_dir, data_dir
from course_utils.data.sets import SET_NAMES, describe, load


@dataclass(frozen=True)
class Entry:
    """A data set as ``course data list`` shows it.

    Attributes
    ----------
    name : str
        As :func:`course_utils.data.load` takes it.
    title : str
        As people write it.
    present : bool
        Whether it can be loaded now.
    where : str
        Folder or archive, or where it comes from.
    pictures : dict of str to int
        Number in each split; empty where it is absent or not counted yet.
    exactness : str
        How true to the original, or what is wrong with it.
    """

    name: str
    title: str
    present: bool
    where: str
    pictures: dict[str, int]
    exactness: str


def inventory() -> list[Entry]:
    """List every data set of the course without reading the pictures.

    Returns
    -------
    list of Entry
        In the order of ``SET_NAMES``.
    """
    return [_entry(name) for name in SET_NAMES]


def _entry(name: str) -> Entry:
    if name == "pocket10":
        standard = {"train": 10_000, "validation": 2_000, "test": 2_000}
        where = f"drawn by the course, kept in {cache_dir()}"
        return Entry(name, "Pocket-10", True, where, standard, describe(name)["exactness"])
    if name == "digits":
        sizes = {split: len(load(name, split)[1]) for split in ("train", "test")}
        return Entry(
            name, "scikit-learn digits", True, "part of scikit-learn", sizes, describe(name)["exactness"]
        )
    known = real.REAL_SETS[name]
    found = cifar.find_cifar10() if name == "cifar10" else data_dir() / known.folder
    if found is None or not found.exists():
        return Entry(name, known.title, False, str(data_dir()), {}, f"absent: course data get {name}")
    try:
        if found == data_dir() / known.folder and (missing := real.missing_files(known)):
            raise DataError(f"incomplete: {missing[0].name} is missing; course data get {name}")
        about = describe(name)
        return Entry(name, about["dataset"], True, str(found), _count(known, found), about["exactness"])
    except DataError as error:
        return Entry(name, known.title, False, str(found), {}, str(error))


def _count(known: real.RealSet, found: Path) -> dict[str, int]:
    if known is not real.CIFAR10:
        return {split: real.check_idx(known, data_dir(), split) for split in known.sizes}
    if found.name == cifar.BINARY:
        return {split: len(load(known.name, split)[1]) for split in known.sizes}
    if found.name == known.folder:
        return known.sizes  # torchvision reads nothing but the original
    return count_pictures(found)

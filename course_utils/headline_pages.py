"""The table of the sources' figures beside ours, made from the recorded results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Headline:
    """A figure that course materials elsewhere report, and where ours is recorded.

    Attributes
    ----------
    what : str
        The figure, in words.
    source : float or str
        The source's value: a fraction, a count, or words.
    result : str
        Name of the recorded result.
    path : tuple of str
        Where its summary stands among the result's metrics.
    kind : {"fraction", "count", "seconds", "yes"}
        How it is written; "yes" is 1 for every seed if it works.
    section : str
        Label of the section that explains it.
    remark : str
        Why ours differs, or what to bear in mind.
    """

    what: str
    source: float | str
    result: str
    path: tuple[str, ...]
    kind: str
    section: str
    remark: str = ""


HEADLINES = (
    Headline(
        "least squares, car against truck, training pictures",
        0.72,
        "car_truck_least_squares",
        ("train_accuracy",),
        "fraction",
        "sec-linear-real",
    ),
    Headline(
        "the same, test pictures",
        0.63,
        "car_truck_least_squares",
        ("test_accuracy",),
        "fraction",
        "sec-linear-real",
        "2,000 test pictures: a standard error of about one point",
    ),
    Headline(
        "CNN, car against truck, training pictures",
        1.0,
        "car_truck_cnn",
        ("64", "train_accuracy"),
        "fraction",
        "sec-cnn-car-truck",
    ),
    Headline(
        "the same, test pictures",
        0.88,
        "car_truck_cnn",
        ("64", "test_accuracy"),
        "fraction",
        "sec-cnn-car-truck",
        "the source does not give its batch size",
    ),
    Headline(
        "CIFAR-10 network, parameters",
        5_852_170,
        "cifar10_cnn",
        ("parameters",),
        "count",
        "sec-cnn-cifar",
    ),
    Headline(
        "the same, test accuracy after 20 epochs",
        0.8495,
        "cifar10_cnn",
        ("test_accuracy",),
        "fraction",
        "sec-cnn-real",
        "one seed, and pictures that were compressed once more",
    ),
    Headline(
        "the same, best test accuracy on the way",
        0.8605,
        "cifar10_cnn",
        ("best_test_accuracy",),
        "fraction",
        "sec-cnn-real",
        "the largest of twenty noisy numbers, in the source and here",
    ),
    Headline(
        "the same, training accuracy after 20 epochs, cropped and flipped",
        0.8868,
        "cifar10_cnn",
        ("train_accuracy_augmented",),
        "fraction",
        "sec-cnn-real",
        "the source does not say on which version of the pictures; on plain ones ours is higher",
    ),
    Headline(
        "the same, time of an epoch with accuracy on both sets",
        82,
        "cifar10_cnn_seconds",
        ("seconds_an_epoch", "together"),
        "seconds",
        "sec-cnn-real",
        "the source does not name its machine; ours is two cores without a graphics card",
    ),
    Headline(
        "Fashion-MNIST network 784-512-512-10, saved and loaded, predicts the same",
        "works",
        "fashion_mnist_mlp",
        ("784-512-512-10, rate 0.001", "same_after_loading"),
        "yes",
        "sec-net-real",
    ),
)


def figure(headline: Headline, result: Mapping[str, Any]) -> str:
    """Write our value, with its spread over seeds where there are several.

    Parameters
    ----------
    headline : Headline
    result : mapping
        The recorded result that it names.

    Returns
    -------
    str
    """
    from course_utils.results import mean_and_spread, percent

    leaf: Mapping[str, Any] = result["metrics"]
    for key in headline.path:
        leaf = leaf[key]
    if headline.kind == "yes":
        return "works" if min(leaf["per_seed"]) == 1 else "fails"
    if headline.kind == "fraction":
        return percent(leaf)
    return mean_and_spread(leaf, digits=0, unit="s" if headline.kind == "seconds" else "")


def _source(headline: Headline) -> str:
    """Write the source's value with as many digits as it has."""
    if isinstance(headline.source, str):
        return headline.source
    if headline.kind == "fraction":
        return f"{100 * headline.source:.10g} %"
    return f"{headline.source:,}" + (" s" if headline.kind == "seconds" else "")


def table(folder: Path) -> str:
    """Write the table of `HEADLINES` as Markdown.

    Parameters
    ----------
    folder : Path
        Where the result files lie.

    Returns
    -------
    str

    Raises
    ------
    course_utils.results.ResultError
        When a result is missing or damaged.
    """
    from course_utils import results

    lines = [
        ":::{div} table-scroll",
        "| figure | source | ours | seeds | data | where | mind |",
        "| :-- | --: | --: | --: | :-- | :-- | :-- |",
    ]
    for headline in HEADLINES:
        result = results.load(headline.result, folder)
        cells = [
            headline.what,
            _source(headline),
            figure(headline, result),
            str(len(result["seeds"])),
            result["dataset"],
            f"{{ref}}`{headline.section}`, {{ref}}`file <result-{headline.result.replace('_', '-')}>`",
            headline.remark,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ":::", ""])

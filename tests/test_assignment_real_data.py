"""Assignment 1's functions on real pictures: right answers also work outside the embedded data."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from course_utils import data
from course_utils.grading import bank

SOURCE = Path(__file__).parent.parent / "solutions" / "ps1_first_classifiers" / "ps1_first_classifiers.ipynb"


def load(name, split, n):
    try:
        images, labels = data.load(name, split, n=n)
    except data.DataNotFoundError as error:
        pytest.skip(str(error))
    return images, labels


@pytest.fixture(scope="module")
def functions():
    """Give the reference's functions by name."""
    namespace = {"np": np}
    answers = bank.reference_answers(nbformat.read(SOURCE, as_version=4))
    for exercise in (1, 2, 5, 6):
        exec(answers[f"ex{exercise}_answer"], namespace)
    return namespace


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "low", "high"), [("mnist", 0.85, 0.97), ("cifar10", 0.20, 0.40)])
def test_standardized_neighbours_on_real_pictures(functions, name, low, high):
    images, labels = load(name, "train", 2000)
    test_images, test_labels = load(name, "test", 500)
    train, test = images.reshape(2000, -1), test_images.reshape(500, -1)
    distances = functions["standardized_distances"](train, test)
    predicted = functions["weighted_vote"](distances, labels, 5, 10)
    report = functions["class_report"](test_labels, predicted, 10)
    assert low < np.mean(predicted == test_labels) < high
    assert report is not None


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "low"), [("mnist", 0.7), ("cifar10", 0.2)])
def test_the_smoothed_loss_trains_a_classifier_of_real_pictures(functions, name, low):
    images, labels = load(name, "train", 2000)
    test_images, test_labels = load(name, "test", 500)
    x, test = images.reshape(2000, -1) / 255 - 0.5, test_images.reshape(500, -1) / 255 - 0.5
    w, b = np.zeros((x.shape[1], 10)), np.zeros(10)
    for _ in range(60):
        _, dw, db = functions["smoothed_softmax_loss"](w, b, x, labels, 1.0, 0.05)
        w, b = w - 0.02 * dw, b - 0.02 * db
    assert np.mean((test @ w + b).argmax(axis=1) == test_labels) > low

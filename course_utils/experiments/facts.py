"""What the real data sets hold: numbers counted in the files, and a few of their pictures."""

from collections.abc import Callable

import numpy as np

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise


def facts(name: str) -> Callable[[Context], Outcome]:
    """Return the experiment that counts what a data set holds."""

    def count(context: Context) -> Outcome:
        from course_utils.data import class_names

        images, labels = context.load(name, "train")
        test_images, test_labels = context.load(name, "test")
        values = images.reshape(-1, images.shape[-1]) / 255
        # Three of each class, in the order of the classes.
        shown = np.stack([images[labels == c][i] for i in range(3) for c in range(10)])
        return Outcome(
            seeds=[0],
            metrics={
                "train": summarise([len(images)]),
                "test": summarise([len(test_images)]),
                "mean": {str(c): summarise([float(values[:, c].mean())]) for c in range(values.shape[1])},
                "std": {str(c): summarise([float(values[:, c].std())]) for c in range(values.shape[1])},
                # The mean over pictures of each picture's own: what many programs use in place of "std".
                "std_within_pictures": {
                    str(c): summarise([float((images[..., c] / 255).std(axis=(1, 2)).mean())])
                    for c in range(values.shape[1])
                },
            },
            settings={
                "shape": list(images.shape[1:]),
                "classes": list(class_names(name)),
                "train_per_class": np.bincount(labels, minlength=10).tolist(),
                "test_per_class": np.bincount(test_labels, minlength=10).tolist(),
            },
            notes=[f"{name}_facts.npz holds three training pictures of each class."],
            arrays={f"{name}_facts": {"pictures": shown}},
        )

    count.__doc__ = f"Count pictures and classes of {name}, and average its pixels."
    return count


for _name in ("mnist", "fashion_mnist", "cifar10"):
    experiment(f"{_name}_facts", dataset=_name, minutes=0.2)(facts(_name))

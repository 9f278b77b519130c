"""Small relatives of the large architectures on photographs, each with the same budget of multiply-adds."""

from typing import Any

from course_utils.experiments.registry import Context, Outcome, experiment
from course_utils.results import summarise

SEEDS = (0, 1)
BUDGET = 10_000_000
PICTURES = 10_000
RECIPE: dict[str, Any] = {
    "epochs": 10,
    "lr": 3e-3,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "schedule": "warmup_cosine",
}


@experiment("cifar10_architectures", dataset="cifar10", minutes=12)
def cifar10_architectures(context: Context) -> Outcome:
    """Train five small architectures with equal multiply-adds and equal epochs on CIFAR-10."""
    import torch

    from course_utils.accounting import count_parameters, multiply_adds
    from course_utils.architectures import SMALL, widest
    from course_utils.augmentation import flip_and_shift
    from course_utils.training import evaluate, train

    pictures, test = context.load("cifar10", "train", n=PICTURES), context.load("cifar10", "test")
    recipe = {**RECIPE, "epochs": context.choose(RECIPE["epochs"], 1)}
    budget = context.choose(BUDGET, BUDGET // 10)
    metrics, costs = {}, {}
    for name, builder in SMALL.items():
        found: dict[str, list[float]] = {"train_accuracy": [], "test_accuracy": [], "train_seconds": []}
        for seed in SEEDS:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                model = widest(builder, budget)
            history = train(model, *pictures, seed=seed, augment=flip_and_shift, **recipe)
            found["train_accuracy"].append(evaluate(model, *pictures).accuracy)
            found["test_accuracy"].append(evaluate(model, *test).accuracy)
            found["train_seconds"].append(history.seconds)
            context.say(f"{name}, seed {seed}: test accuracy {found['test_accuracy'][-1]:.3f}")
        metrics[name] = {key: summarise(values) for key, values in found.items()}
        costs[name] = {
            "parameters": count_parameters(model),
            "multiply_adds": multiply_adds(model, (3, 32, 32)),
        }
    settings = {"train": len(pictures[0]), "test": len(test[0]), "budget": budget, **recipe, "costs": costs}
    return Outcome(
        SEEDS,
        metrics,
        settings,
        ["Each network is the widest of its family within the budget; recipe and epochs are the same."],
    )

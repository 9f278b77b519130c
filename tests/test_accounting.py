"""Counting: against PyTorch's own counter, torchvision's published figures, and by hand."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import architectures
from course_utils.accounting import count_parameters, layer_costs, multiply_adds

# Those that the chapter speaks of, with the size of picture that their figures are for.
PUBLISHED = {
    "alexnet": 224,
    "vgg16": 224,
    "googlenet": 224,
    "resnet50": 224,
    "inception_v3": 299,
    "resnext50_32x4d": 224,
    "densenet121": 224,
    "mobilenet_v2": 224,
    "efficientnet_b0": 224,
    "regnet_y_3_2gf": 224,
    "convnext_tiny": 224,
    "vit_b_16": 224,
}


def built(name):
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    device = "cpu" if name.startswith("regnet") else "meta"  # RegNet's builder computes widths with tensors
    with torch.device(device):
        return torchvision.models.get_model(name, weights=None, **options).to("meta")


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_are_those_that_torchvision_publishes(name):
    meta = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta
    counted = multiply_adds(built(name), (3, PUBLISHED[name], PUBLISHED[name])) / 1e9
    # Published with three decimals, by a counter that rounds in places: within 1 in 1000.
    assert counted == pytest.approx(meta["_ops"], rel=1e-3, abs=6e-4)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: architectures.googlenet(auxiliary=False), (3, 224, 224)),
        (lambda: architectures.resnet(50), (3, 224, 224)),
        (architectures.alexnet_2012, (3, 224, 224)),
        (lambda: architectures.SMALL["depthwise separable"](8), (3, 32, 32)),
    ],
)
def test_multiply_adds_are_half_of_what_pytorch_counts(build, shape):
    with torch.device("meta"):
        model = build()
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros((1, *shape), device="meta"))
    assert 2 * multiply_adds(model, shape) == counter.get_total_flops()


def test_layers_by_hand():
    model = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5))
    conv, head = layer_costs(model, (4, 5, 6))
    assert (conv.name, conv.kind, conv.shape) == ("0", "Conv2d", (6, 2, 2))
    assert (conv.parameters, conv.multiply_adds) == (6 * 2 * 9 + 6, 6 * 2 * 9 * 4)
    assert (head.shape, head.parameters, head.multiply_adds) == ((5,), 125, 120)
    assert count_parameters(model) == conv.parameters + head.parameters


def test_shared_parameters_count_once_and_work_twice():
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert count_parameters(model) == 72
    assert multiply_adds(model, (8,)) == 2 * 64


def test_no_hook_is_left_behind():
    model = nn.Sequential(nn.Linear(3, 2))
    layer_costs(model, (3,))
    assert not model[0]._forward_hooks
    with pytest.raises(RuntimeError):
        layer_costs(model, (4,))
    assert not model[0]._forward_hooks

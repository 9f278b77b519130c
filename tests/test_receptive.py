"""Receptive fields: the walk against known figures and against gradients."""

import math

import pytest
import torch
import torchvision
from torch import nn

from course_utils import architectures
from course_utils.receptive import Field, receptive_fields, seen_by_gradient

# Of the last layer before the summary over all places; those but for ResNet-50 as torchvision has it are
# figures of Araujo et al. 2019, "Computing receptive fields of convolutional neural networks".
KNOWN = {
    "alexnet": (architectures.alexnet, 195),
    "vgg16": (lambda: architectures.vgg(16), 212),
    "resnet_2015": (lambda: architectures.resnet_2015(50), 483),
    "resnet101_2015": (lambda: architectures.resnet_2015(101), 1027),
    "resnet50": (lambda: architectures.resnet(50), 427),
    "inception_v3": (lambda: torchvision.models.inception_v3(init_weights=False), 1311),
    "torchvision's resnet50": (torchvision.models.resnet50, 427),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_figures(name):
    builder, expected = KNOWN[name]
    with torch.device("meta"):
        fields = receptive_fields(builder().eval())
    assert max(field.size for field in fields) == expected


def trunk(model):
    """A network without what follows the last maps."""
    layers = list(model)
    stop = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.AdaptiveAvgPool2d))
    return nn.Sequential(*layers[:stop])


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (lambda: architectures.vgg(11, width=1, hidden=1), 300),
        (lambda: architectures.resnet(18, width=1), 620),
        (lambda: architectures.SMALL["Inception-style"](8), 96),
        (lambda: architectures.SMALL["residual"](2), 160),
        (lambda: architectures.SMALL["depthwise separable"](2), 64),
    ],
)
def test_the_walk_agrees_with_gradients(build, size):
    layers = trunk(build())
    expected = max(field.size for field in receptive_fields(layers))
    assert expected < size
    assert seen_by_gradient(layers, size) == (expected, expected)


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_one_layer_of_each_geometry(stride, dilation, padding):
    layers = nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=stride, dilation=dilation, padding=padding),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(3, 1, 3),
    )
    field = receptive_fields(layers)[-1]
    assert field.jump == 2 * stride
    assert seen_by_gradient(layers, 60, channels=2) == (field.size, field.size)


def test_jump_and_centre():
    field = Field("picture", 1, 1, 0.0).through("a", 3, 2, 1).through("b", 2, 2, 0)
    assert (field.size, field.jump, field.centre) == (5, 4, 1.0)  # units at 0 and 2 lie under the first one


def test_nothing_follows_a_summary_over_all_places():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(4), nn.Conv2d(1, 1, 3), nn.Flatten())
    assert [(field.name, field.size) for field in receptive_fields(model)] == [("0", 3)]


def test_where_paths_meet_the_largest_field_counts():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.narrow, self.wide = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 7, padding=3)
            self.last = nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.last(self.narrow(x) + self.wide(x))

    assert receptive_fields(Fork())[-1].size == 9


def test_squeeze_and_excitation_sees_everything():
    with torch.device("meta"):
        fields = receptive_fields(torchvision.models.efficientnet_b0().eval())
    assert all(math.isfinite(field.size) for field in fields)
    assert len(fields) < 5  # after the first squeeze every unit depends on the whole picture

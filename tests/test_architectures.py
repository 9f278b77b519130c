"""The architectures: exact counts, torchvision as the oracle, shapes, gradients; the small ones learn."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from course_utils import architectures
from course_utils.accounting import count_parameters, multiply_adds
from course_utils.architectures import early, inception, residual, small

COLOUR, GREY = (3, 224, 224), (1, 32, 32)
# name: (builder, shape of a picture, classes, exact parameter count)
NETWORKS = {
    "lenet5": (architectures.lenet5, GREY, 10, 60_000),
    "alexnet": (architectures.alexnet, COLOUR, 1000, 61_100_840),
    "alexnet_2012": (architectures.alexnet_2012, COLOUR, 1000, 60_965_224),
    "alexnet_2012 in one tower": (lambda: architectures.alexnet_2012(towers=1), COLOUR, 1000, 62_378_344),
    "zfnet": (architectures.zfnet, COLOUR, 1000, 62_357_608),
    "vgg11": (lambda: architectures.vgg(11), COLOUR, 1000, 132_863_336),
    "vgg13": (lambda: architectures.vgg(13), COLOUR, 1000, 133_047_848),
    "vgg16": (lambda: architectures.vgg(16), COLOUR, 1000, 138_357_544),
    "vgg19": (lambda: architectures.vgg(19), COLOUR, 1000, 143_667_240),
    "googlenet": (architectures.googlenet, COLOUR, 1000, 13_004_888),
    "googlenet without heads": (
        lambda: architectures.googlenet(auxiliary=False),
        COLOUR,
        1000,
        6_624_904,
    ),
    "googlenet_2014": (lambda: architectures.googlenet_2014(auxiliary=False), COLOUR, 1000, 6_998_552),
    "resnet18": (lambda: architectures.resnet(18), COLOUR, 1000, 11_689_512),
    "resnet34": (lambda: architectures.resnet(34), COLOUR, 1000, 21_797_672),
    "resnet50": (lambda: architectures.resnet(50), COLOUR, 1000, 25_557_032),
    "resnet101": (lambda: architectures.resnet(101), COLOUR, 1000, 44_549_160),
    "resnet152": (lambda: architectures.resnet(152), COLOUR, 1000, 60_192_808),
    "resnet_2015": (lambda: architectures.resnet_2015(50), COLOUR, 1000, 25_557_032),
}
IN_TORCHVISION = {
    "alexnet": torchvision.models.alexnet,
    "vgg11": torchvision.models.vgg11,
    "vgg13": torchvision.models.vgg13,
    "vgg16": torchvision.models.vgg16,
    "vgg19": torchvision.models.vgg19,
    "googlenet": lambda: torchvision.models.googlenet(init_weights=False),
    "resnet18": torchvision.models.resnet18,
    "resnet34": torchvision.models.resnet34,
    "resnet50": torchvision.models.resnet50,
    "resnet101": torchvision.models.resnet101,
    "resnet152": torchvision.models.resnet152,
}
# Small enough to compute with: (builder, shape of a picture, outputs).
COMPUTED = {
    "lenet5": (architectures.lenet5, GREY, 10),
    "alexnet": (lambda: architectures.alexnet(7), (3, 80, 80), 7),
    "alexnet_2012": (lambda: architectures.alexnet_2012(7), COLOUR, 7),
    "zfnet": (lambda: architectures.zfnet(7), COLOUR, 7),
    "vgg13": (lambda: architectures.vgg(13, 7, width=8, hidden=16), (3, 32, 32), 7),
    "googlenet": (lambda: architectures.googlenet(7, auxiliary=False), (3, 64, 64), 7),
    "googlenet_2014": (lambda: architectures.googlenet_2014(7, auxiliary=False), (3, 64, 64), 7),
    "resnet18": (lambda: architectures.resnet(18, 7, width=8), (3, 33, 33), 7),
    "resnet_2015": (lambda: architectures.resnet_2015(50, 7, width=8), (3, 64, 64), 7),
    **{name: (lambda build=build: build(4), (3, 32, 32), 10) for name, build in architectures.SMALL.items()},
}


def on_meta(builder):
    with torch.device("meta"):
        return builder()


@pytest.mark.parametrize("name", NETWORKS)
class TestCounts:
    def test_parameter_count_is_exact(self, name):
        assert count_parameters(on_meta(NETWORKS[name][0])) == NETWORKS[name][3]

    def test_output_shape(self, name):
        builder, shape, classes, _ = NETWORKS[name]
        model = on_meta(builder).eval()
        for n in (1, 3):
            assert model(torch.zeros((n, *shape), device="meta")).shape == (n, classes)


@pytest.mark.parametrize("name", IN_TORCHVISION)
def test_layers_have_the_shapes_of_torchvision(name):
    ours, theirs = on_meta(NETWORKS[name][0]), on_meta(IN_TORCHVISION[name])
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "googlenet", "resnet18", "resnet50"])
def test_with_the_same_weights_scores_are_those_of_torchvision(name):
    torch.manual_seed(0)
    # Ten classes and pictures of 64×64 suffice: the layers are the same.
    builders = {
        "alexnet": (architectures.alexnet, torchvision.models.alexnet),
        "vgg11": (
            lambda num_classes: architectures.vgg(11, num_classes),
            torchvision.models.vgg11,
        ),
        "googlenet": (
            architectures.googlenet,
            lambda num_classes: torchvision.models.googlenet(num_classes=num_classes, init_weights=False),
        ),
        "resnet18": (
            lambda num_classes: architectures.resnet(18, num_classes),
            torchvision.models.resnet18,
        ),
        "resnet50": (
            lambda num_classes: architectures.resnet(50, num_classes),
            torchvision.models.resnet50,
        ),
    }
    ours, theirs = (build(num_classes=10).eval() for build in builders[name])
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(other)
        x = torch.randn(2, 3, 64, 64)
        # The same operations in the same order: what may differ is the order of sums, about 1e-6 relative.
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", COMPUTED)
class TestComputed:
    def test_output_shape(self, name):
        builder, shape, outputs = COMPUTED[name]
        with torch.no_grad():
            assert builder().eval()(torch.zeros(1, *shape)).shape == (1, outputs)

    def test_every_parameter_has_a_gradient(self, name):
        builder, shape, _ = COMPUTED[name]
        torch.manual_seed(0)
        model = builder()
        n = 1 if isinstance(shape, tuple) and shape == COLOUR else 4
        scores = model(torch.randn(n, *shape))
        (scores * torch.randn_like(scores)).sum().backward()
        for parameter_name, parameter in model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.abs().sum() > 0, parameter_name

    def test_same_seed_same_network(self, name):
        builder, shape, _ = COMPUTED[name]
        x = torch.randn(1, *shape)
        scores = []
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            with torch.no_grad():
                scores.append(builder().eval()(x))
        assert torch.equal(scores[0], scores[1])
        assert not torch.equal(scores[0], scores[2])


# --- LeNet-5 ------------------------------------------------------------------------------------------------


def test_connections_of_c3_are_those_of_the_paper():
    """Table I of LeCun et al. 1998, row by row: the maps of C3 that read each map of S2."""
    rows = [
        [0, 4, 5, 6, 9, 10, 11, 12, 14, 15],
        [0, 1, 5, 6, 7, 10, 11, 12, 13, 15],
        [0, 1, 2, 6, 7, 8, 11, 13, 14, 15],
        [1, 2, 3, 6, 7, 8, 9, 12, 14, 15],
        [2, 3, 4, 7, 8, 9, 10, 12, 13, 15],
        [3, 4, 5, 8, 9, 10, 11, 13, 14, 15],
    ]
    found = [[k for k, sources in enumerate(early.C3_SOURCES) if c in sources] for c in range(6)]
    assert found == rows


def test_parameters_of_lenet5_layer_by_layer():
    counts = [count_parameters(layer) for layer in architectures.lenet5()]
    assert counts == [156, 12, 1_516, 32, 48_120, 10_164, 0]


def test_a_partial_convolution_is_a_full_one_with_weights_that_are_zero():
    torch.manual_seed(0)
    partial = early.PartialConv2d(((0, 2), (1,), (0, 1, 2)), 3)
    weight = torch.zeros(3, 3, 3, 3)
    for k, (conv, sources) in enumerate(zip(partial.convs, partial.sources, strict=True)):
        weight[k, sources] = conv.weight[0].detach()
    bias = torch.cat([conv.bias.detach() for conv in partial.convs])
    x = torch.randn(2, 3, 6, 5)
    torch.testing.assert_close(partial(x), F.conv2d(x, weight, bias))


def test_subsampling_is_a_coefficient_times_the_sum_plus_a_bias():
    layer = early.Subsampling(2)
    with torch.no_grad():
        layer.coefficient.copy_(torch.tensor([2.0, -1.0]).view(2, 1, 1))
        layer.bias.copy_(torch.tensor([0.5, 3.0]).view(2, 1, 1))
    x = torch.arange(8.0).view(1, 2, 2, 2)
    assert layer(x).flatten().tolist() == [2 * 6 + 0.5, -22 + 3]


def test_a_code_scores_highest_where_it_is_met():
    layer = early.DistanceToCodes(84, 10)
    scores = layer(layer.codes)
    assert scores.argmax(dim=1).tolist() == list(range(10))
    assert scores.diagonal().eq(0).all()


# --- towers, modules, blocks --------------------------------------------------------------------------------


def test_towers_do_not_see_each_other_in_the_second_layer():
    torch.manual_seed(0)
    conv = architectures.alexnet_2012()[4]
    x = torch.randn(1, 96, 5, 5)
    other = x.clone()
    other[:, 48:] += 1
    assert torch.equal(conv(x)[:, :128], conv(other)[:, :128])
    assert not torch.allclose(conv(x)[:, 128:], conv(other)[:, 128:])


def test_maps_have_the_sizes_of_the_papers():
    for builder, expected in (
        (architectures.alexnet_2012, [55, 27, 27, 13, 13, 13, 13, 6]),
        (architectures.zfnet, [110, 55, 26, 13, 13, 13, 13, 6]),
    ):
        x, sizes = torch.zeros((1, *COLOUR), device="meta"), []
        for layer in on_meta(builder):
            x = layer(x)
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                sizes.append(x.shape[-1])
        assert sizes == expected


def test_googlenet_speaks_three_times_in_training_and_once_after():
    torch.manual_seed(0)
    model = architectures.googlenet(5)
    scores = model(torch.randn(4, 3, 64, 64))
    assert [tuple(part.shape) for part in scores] == [(4, 5)] * 3
    sum(part.square().sum() for part in scores).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    with torch.no_grad():
        assert model.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 5)


def test_an_inception_module_keeps_the_size_and_stacks_its_branches():
    module = inception.Inception(6, (1, 2, 3, 4, 5, 7))
    assert module(torch.randn(2, 6, 9, 8)).shape == (2, 1 + 3 + 5 + 7, 9, 8)


def test_a_block_with_silent_convolutions_is_the_identity():
    block = residual.Residual(4, (4, 3, 1), (4, 3, 1))
    nn.init.zeros_(block.layers[-1].weight)
    x = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("build", [architectures.vgg, architectures.resnet, architectures.resnet_2015])
def test_an_unknown_depth_is_refused_with_the_known_ones(build):
    with pytest.raises(ValueError, match="depth is 17; wanted one of 1[18], "):
        build(17)


# --- small ones ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", architectures.SMALL)
def test_a_small_network_overfits_one_batch(name):
    torch.manual_seed(0)
    model = architectures.SMALL[name](8)
    x, y = torch.randn(8, 3, 32, 32), torch.arange(8)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(40):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


@pytest.mark.parametrize("name", architectures.SMALL)
def test_the_widest_network_keeps_to_the_budget(name):
    budget, builder = 3_000_000, architectures.SMALL[name]
    with torch.device("meta"):
        costs = [multiply_adds(builder(width), (3, 32, 32)) for width in range(1, 30)]
        found = multiply_adds(architectures.widest(builder, budget), (3, 32, 32))
    assert found == max(cost for cost in costs if cost <= budget)
    assert costs == sorted(costs)


def test_too_small_a_budget_is_refused():
    with pytest.raises(ValueError, match="a width of 1 needs more than 10 multiply-adds"):
        architectures.widest(small.small_vgg, 10)

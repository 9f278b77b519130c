"""The course's networks: sizes, shapes, gradients, and that they can learn."""

import pytest
import torch
from torch.nn import functional as F

from course_utils import models

# name: (builder, input shape of one picture, outputs, exact parameter count)
NETWORKS = {
    "linear": (lambda: models.linear(3072, 10), (3, 32, 32), 10, 30_730),
    "mlp": (lambda: models.mlp(784, 100, 10), (1, 28, 28), 10, 79_510),
    "deep_mlp": (lambda: models.mlp(784, (512, 512), 10), (1, 28, 28), 10, 669_706),
    "small_cnn": (models.small_cnn, (3, 32, 32), 10, 113_962),
    "small_cnn_gray": (lambda: models.small_cnn(7, in_channels=1), (1, 28, 28), 7, 107_239),
    "cifar10_cnn": (models.cifar10_cnn, (3, 32, 32), 10, 5_852_170),
    "cifar10_cnn_gray": (lambda: models.cifar10_cnn(4, in_channels=1), (1, 32, 32), 4, 5_848_516),
    "resnet20": (models.resnet20, (3, 32, 32), 10, 269_722),
    "resnet20_gray": (lambda: models.resnet20(5, in_channels=1), (1, 28, 28), 5, 269_109),
    "cifar_resnet_14": (lambda: models.cifar_resnet(14, width=8), (3, 32, 32), 10, 43_634),
    "cifar_plain_14": (lambda: models.cifar_plain(14, num_classes=6, in_channels=1), (1, 28, 28), 6, 171_958),
    "car_truck_cnn": (models.car_truck_cnn, (1, 32, 32), 1, 106_625),
    "car_truck_map": (lambda: models.car_truck_cnn((64, 32, 16, 2)), (1, 32, 32), 1, 109_205),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


def build(network, seed=0):
    torch.manual_seed(seed)
    return network[0]()


def test_parameter_count_is_exact(network):
    assert sum(p.numel() for p in build(network).parameters()) == network[3]


@pytest.mark.parametrize("n", [1, 3])
def test_output_shape(network, n):
    model = build(network).eval()
    assert model(torch.zeros(n, *network[1])).shape == (n, network[2])


def test_every_parameter_has_a_gradient(network):
    model = build(network)
    outputs = model(torch.randn(4, *network[1]))
    (outputs * torch.randn_like(outputs)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_same_seed_same_network(network):
    x = torch.randn(2, *network[1])
    first, again, other = (build(network, seed).eval()(x) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", ["linear", "mlp", "small_cnn", "cifar10_cnn", "resnet20", "car_truck_cnn"])
def test_overfits_one_batch(name):
    network = NETWORKS[name]
    model = build(network)
    generator = torch.Generator().manual_seed(0)
    shape = (3, 16, 16) if name == "resnet20" else network[1]  # it takes any size; small ones are quick
    x = torch.randn(8, *shape, generator=generator)
    y = torch.arange(8) % max(2, network[2])
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(25):
        outputs = model(x)
        if network[2] == 1:
            loss = F.binary_cross_entropy_with_logits(outputs[:, 0], y.float())
        else:
            loss = F.cross_entropy(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


def test_the_cifar10_network_layer_by_layer():
    """Widths, heights and channels as the recipe lists them; 256 maps of 4×4 are flattened to 4,096."""
    x, shapes = torch.zeros(1, 3, 32, 32), []
    for layer in models.cifar10_cnn().eval():
        x = layer(x)
        if isinstance(layer, torch.nn.MaxPool2d | torch.nn.Flatten | torch.nn.Linear):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(64, 16, 16), (128, 8, 8), (256, 4, 4), (4096,), (1024,), (512,), (10,)]


def test_a_block_with_silent_convolutions_is_the_identity():
    """F(x) + x with F = 0: what comes in non-negative goes out unchanged."""
    block = models.BasicBlock(4, 4)
    torch.nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(x), x)


def test_the_shortcut_of_a_narrowing_block_has_no_parameters():
    block = models.BasicBlock(4, 8, stride=2)
    torch.nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 7, 7)
    out = block(x)
    assert out.shape == (2, 8, 4, 4)
    assert torch.equal(out[:, :4], x[:, :, ::2, ::2])
    assert not out[:, 4:].any()
    assert sum(p.numel() for p in block.parameters()) == 9 * (4 * 8 + 8 * 8) + 4 * 8


@pytest.mark.parametrize(
    ("depth", "count"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_resnets_for_cifar_have_the_depth_in_their_name(depth, count):
    """He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million parameters."""
    with torch.device("meta"):
        both = models.cifar_resnet(depth), models.cifar_plain(depth)
    for model in both:
        weighted = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        assert len(weighted) == depth
        assert sum(p.numel() for p in model.parameters()) == count


def test_resnet20_is_the_one_of_depth_20():
    torch.manual_seed(3)
    first = models.resnet20()
    torch.manual_seed(3)
    second = models.cifar_resnet(20)
    assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_a_plain_network_is_the_residual_one_without_shortcuts():
    """From one seed the weights agree; what the blocks compute differs by their input."""
    torch.manual_seed(0)
    plain = models.cifar_plain(14, width=4).eval()
    torch.manual_seed(0)
    residual = models.cifar_resnet(14, width=4).eval()
    assert all(map(torch.equal, plain.parameters(), residual.parameters()))
    x = torch.rand(2, 4, 6, 6)
    torch.testing.assert_close(residual[3].residual(x) + x, plain[3].residual(x) + x)
    torch.testing.assert_close(plain[3](x), F.relu(residual[3].residual(x)))
    torch.testing.assert_close(residual[3](x), F.relu(plain[3].residual(x) + x))


@pytest.mark.parametrize("depth", [2, 7, 18, 52])
@pytest.mark.parametrize("build", [models.cifar_resnet, models.cifar_plain])
def test_a_depth_that_blocks_cannot_make_is_refused(build, depth):
    with pytest.raises(ValueError, match=rf"depth is {depth}; .* 6n \+ 2"):
        build(depth)

"""The vectorised convolution: against PyTorch, its adjoint, its errors; and what its experiments compute."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils import convolution
from course_utils.experiments import convolution as speed
from course_utils.experiments import filter_bank, registry

# shape of the batch, filters, size, stride, padding
LAYERS = [
    ((2, 3, 7, 6), 4, 3, 1, 1),
    ((1, 1, 5, 5), 1, 5, 1, 0),
    ((3, 2, 8, 9), 2, 3, 2, 1),
    ((1, 4, 7, 7), 3, 2, 3, 0),
    ((5, 2, 6, 5), 3, 1, 1, 0),
    ((1, 2, 4, 6), 2, 4, 2, 2),
]


def random_layer(shape, filters, field, stride, padding, dtype=np.float64):
    """Batch, filters, biases, upstream gradient; and maps and gradients from PyTorch."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(dtype)
    w = rng.normal(size=(filters, shape[1], field, field)).astype(dtype)
    b = rng.normal(size=filters).astype(dtype)
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, w, b)]
    y = F.conv2d(*leaves, stride, padding)
    dout = rng.normal(size=y.shape).astype(dtype)
    y.backward(torch.from_numpy(dout))
    return x, w, b, dout, y.detach().numpy(), [leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("workers", [None, 1, 2])
def test_forward_and_backward_are_those_of_pytorch(layer, workers):
    *_, stride, padding = layer
    x, w, b, dout, y, gradients = random_layer(*layer)
    if workers is None:
        forward, backward = convolution.conv_forward, convolution.conv_backward
        options = {}
    else:
        forward, backward = convolution.forward_in_blocks, convolution.backward_in_blocks
        options = {"workers": workers}
    np.testing.assert_allclose(forward(x, w, b, stride, padding, **options), y, rtol=1e-7, atol=1e-12)
    found = backward(dout, x, w, stride, padding, **options)
    for ours, theirs in zip(found, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_col2im_is_the_adjoint_of_im2col(layer):
    shape, _, *geometry = layer
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    columns = convolution.im2col(x, *geometry)
    c = rng.normal(size=columns.shape)
    assert np.isclose((columns * c).sum(), (x * convolution.col2im(c, shape, *geometry)).sum())


def test_float32_stays_float32():
    x, w, b, dout, *_ = random_layer(*LAYERS[0], dtype=np.float32)
    assert convolution.forward_in_blocks(x, w, b, padding=1).dtype == np.float32
    assert {a.dtype for a in convolution.backward_in_blocks(dout, x, w, padding=1)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convolution.output_size(3, 5), "a filter of 5 is larger than 3 pixels.*pad by 1 or more"),
        (lambda: convolution.output_size(8, 3, stride=0), "stride 0"),
        (
            lambda: convolution.conv_forward(np.ones((1, 2, 4, 4)), np.ones((1, 3, 2, 2)), np.ones(1)),
            r"\(1, 2, 4, 4\) and w \(1, 3, 2, 2\).*same C",
        ),
        (
            lambda: convolution.conv_backward(
                np.ones((1, 1, 3, 2)), np.ones((1, 2, 4, 4)), np.ones((1, 2, 2, 3))
            ),
            "wanted",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer[3] == 1], ids=str)
def test_the_timed_loops_compute_the_same(layer):
    padding = layer[-1]
    x, w, b, dout, y, gradients = random_layer(*layer)
    np.testing.assert_allclose(speed.loops_forward(x, w, b, padding), y, rtol=1e-7, atol=1e-12)
    for ours, theirs in zip(speed.loops_backward(dout, x, w, padding), gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def test_banks_of_filters():
    images, _ = registry.made_up_pictures("cifar10", 50)
    for bank in (
        filter_bank.hand_made(),
        filter_bank.noise(4, seed=0),
        filter_bank.patches(images, 4, seed=0),
    ):
        assert bank.dtype == np.float32
        np.testing.assert_allclose((bank**2).sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    assert abs(filter_bank.noise(4, seed=0).sum(axis=(1, 2, 3))).max() < 1e-5


def test_features_are_means_of_both_signs():
    images, _ = registry.made_up_pictures("cifar10", 7)
    bank = filter_bank.hand_made()
    x = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float64) / 255 - 0.5
    maps = convolution.conv_forward(x, bank.astype(np.float64), np.zeros(len(bank)))[:, :, :28, :28]
    found = filter_bank.features(images, bank, block=3).reshape(7, 2, len(bank), 4, 4)
    assert found.min() >= -1e-6
    whole = filter_bank.features(images[:, :30, :30], bank).reshape(7, 2, len(bank), 4, 4)
    cells = np.abs(maps).reshape(7, len(bank), 4, 7, 4, 7).mean(axis=(3, 5))
    np.testing.assert_allclose(whole.sum(axis=1), cells, rtol=1e-4, atol=1e-5)

"""The networks that image classification learned from, as compact builders.

Every builder returns a ``torch.nn.Module`` that maps images of shape (N, C_in, H, W), float32, to scores of
shape (N, C). Where torchvision has the network, parameters come in the same order and with the same shapes.
Under ``with torch.device("meta"):`` a network costs neither memory nor time, and can be counted all the same
(:mod:`course_utils.accounting`).
"""

from course_utils.architectures.early import alexnet, alexnet_2012, lenet5, zfnet
from course_utils.architectures.inception import googlenet, googlenet_2014
from course_utils.architectures.residual import resnet, resnet_2015
from course_utils.architectures.small import SMALL, widest
from course_utils.architectures.stacks import vgg

__all__ = [
    "SMALL",
    "alexnet",
    "alexnet_2012",
    "googlenet",
    "googlenet_2014",
    "lenet5",
    "resnet",
    "resnet_2015",
    "vgg",
    "widest",
    "zfnet",
]

"""Helpers behind the image classification course.

Importing this package is quick and does not import PyTorch; each module is one concept.
"""

__version__ = "0.1.0"

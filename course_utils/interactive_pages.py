"""A small Sphinx extension: interactive figures on the rendered page, and what stands in for them.

An output of :func:`course_utils.interactive.frames` holds a widget and a PNG with a few of its frames.
Without this extension a page would hold the widget alone, which shows nothing where JavaScript doesn't run.
With it the page holds both; a style sheet hides the PNG as soon as the widget has been drawn, and a script
gives the controls the names and states that screen readers need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from course_utils.notebooks.sanitise import VIEW

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: CSS class of what holds widget and picture, and of the picture.
CLASS, FALLBACK_CLASS = "interactive-figure", "interactive-fallback"


class KeepFallback(SphinxPostTransform):
    """Keep the PNG of an output beside its widget."""

    # Before myst-nb chooses one of the representations of an output (its priority is 4).
    default_priority = 3

    def run(self, **kwargs: Any) -> None:
        """Replace each output that has both by a container with both."""
        for bundle in list(self.document.findall(nodes.container)):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            kinds = {child["mime_type"]: child.children for child in bundle.children}
            if VIEW in kinds and "image/png" in kinds:
                picture = nodes.container("", *kinds["image/png"], classes=[FALLBACK_CLASS])
                bundle.replace_self(nodes.container("", *kinds[VIEW], picture, classes=[CLASS]))


def _add_files(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Load style sheet and script on the pages that have interactive figures."""
    if doctree is not None and any(CLASS in node["classes"] for node in doctree.findall(nodes.container)):
        app.add_css_file("interactive.css")
        app.add_js_file("interactive.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        Sphinx, before it reads any page.

    Returns
    -------
    dict
        What Sphinx wants to know about an extension.
    """
    app.add_post_transform(KeepFallback)
    app.connect("html-page-context", _add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

"""What students wrote, made safe to look at: nothing of it runs, loads, links or hides.

Three rules. Characters that can't be seen are shown by their number. A student's Markdown becomes HTML here,
with tags that only lay out text and without attributes; formulas become MathML and pictures are drawn again
(`course_utils.grading.formulas`, `course_utils.grading.pictures`). Links are text: an address is shown, but
nobody is led to it by a click.
"""

from __future__ import annotations

import functools
import html
import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context

from course_utils.grading.formulas import ATTRIBUTES, ELEMENTS, mathml
from course_utils.grading.pictures import redrawn

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML

#: Characters of a cell that are shown, and of a line of code: colouring a longer one can take minutes.
LONGEST, LONGEST_LINE = 50_000, 2_000
#: Pictures in one text that are shown.
PICTURES = 10
_TAGS = """
b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li ol p pre s small span strong sub sup
table tbody td th thead tr u ul
"""
_MARKER = '<div class="written">'


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Show what can't be seen: control characters, changes of direction, characters without width.

    Examples
    --------
    >>> visible("a\u202eb\x1b[2J")
    'a⟦U+202E⟧b⟦U+001B⟧[2J'
    """
    left = len(text) - longest
    if left > 0:
        text = f"{text[:longest]}\n… ({left:,} more characters)"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(c if c in "\n\t" or _is_visible(c) else f"⟦U+{ord(c):04X}⟧" for c in text)


def visible_code(text: str) -> str:
    """Show a student's code in the same way, with lines of limited length."""
    return "\n".join(map(_cut, visible(text).split("\n")))


def markdown(text: str, attachments: Mapping[str, Any] | None = None, pictures: int = PICTURES) -> str:
    """Turn a student's Markdown into safe HTML.

    Parameters
    ----------
    text : str
        As it was handed in.
    attachments : dict, optional
        The cell's pictures: name → kind → Base64.
    pictures : int
        How many are shown at most, each time that one is shown counted.

    Returns
    -------
    str
        One block of HTML on one line: a Markdown reader passes it on as it is.
    """
    import nh3

    text, kept = visible(text), _Kept(attachments or {}, pictures)
    try:
        made = _reader(definitions=False).render(text, {"kept": kept})
    except Exception:  # a text made to break the reader is shown as it is
        made = f"<pre>{html.escape(text)}</pre>"
    made = nh3.clean(
        made,
        tags=set(_TAGS.split()),
        attributes={},
        url_schemes=set(),
        clean_content_tags={"script", "style"},
    )
    return f"{_MARKER}{kept.put_back(made)}</div>".replace("\n", "&#10;")


def unread(text: str) -> str:
    """Show a student's text as it was written, without reading it as Markdown."""
    return f"{_MARKER}<pre>{html.escape(visible(text))}</pre></div>".replace("\n", "&#10;")


def statement(text: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Turn the instructor's Markdown into HTML with MathML; HTML and links in it stay, scripts do not.

    What `markdown` made of a student's text comes out as it went in.
    """
    import nh3

    if text.startswith(_MARKER):
        tags = {*_TAGS.split(), *ELEMENTS.split(), "img"}
        attributes = {"*": set(ATTRIBUTES.split()), "img": {"alt", "src"}}
        classes = {"div": {"written"}, "code": {"tex"}}
        return nh3.clean(
            text,
            tags=tags,
            attributes=attributes,
            allowed_classes=classes,
            url_schemes={"data"},
            attribute_filter=_only_drawn,
        )
    kept = _Kept(attachments or {}, 10**6, links=True)
    made = _reader(definitions=True).render(text, {"kept": kept})
    return kept.put_back(nh3.clean(made, link_rel="noopener noreferrer"))


@pass_context
def markdown2html(context: Mapping[str, Any], text: str) -> str:
    """Replace nbconvert's filter of this name, as a second wall: all text of a notebook goes through here."""
    return statement(text, context.get("cell", {}).get("attachments"))


def escaped_texts(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Escape all texts of nbconvert's resources, e.g. a student's name, which nbgrader's page does not."""
    return {name: html.escape(v) if isinstance(v, str) else v for name, v in resources.items()}


def picture(encoded: object, alt: str) -> str | None:
    """Write a picture of a student's as HTML; None if it is none."""
    drawn = redrawn(encoded)
    return drawn and f'<img alt="{html.escape(visible(alt, 200))}" src="data:image/png;base64,{drawn}">'


class _Kept:
    """Pieces of HTML of our own that the sanitiser need not see; tokens nobody can guess stand for them."""

    def __init__(self, attachments: Mapping[str, Any], pictures: int, links: bool = False) -> None:
        self.attachments, self.pictures, self.links = attachments, pictures, links
        self.secret = secrets.token_hex(8)
        self.pieces: list[str] = []

    def keep(self, piece: str) -> str:
        self.pieces.append(piece)
        return f"\ue000{self.secret}.{len(self.pieces) - 1}\ue001"

    def put_back(self, text: str) -> str:
        return re.sub(f"\ue000{self.secret}\\.(\\d+)\ue001", lambda found: self.pieces[int(found[1])], text)

    def picture(self, source: str, alt: str) -> str:
        name = source.removeprefix("attachment:")
        bundle = self.attachments.get(name) if name != source and self.pictures > 0 else None
        for encoded in bundle.values() if isinstance(bundle, Mapping) else ():
            self.pictures -= 1
            if (shown := picture(encoded, alt)) is not None:
                return shown
        return html.escape(f"[picture that is not shown: {alt or 'no text'} ({source[:200]})]")


@functools.cache
def _reader(definitions: bool) -> MarkdownIt:
    """Make a reader; with definitions of addresses (``[name]: address``), of which many take very long."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    dollarmath_plugin(reader, double_inline=True, allow_digits=True)
    amsmath_plugin(reader)
    for name in ("math_inline", "math_inline_double", "math_block", "amsmath"):
        reader.add_render_rule(name, _formula)
    reader.add_render_rule("math_block_label", _formula)
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link_open)
    reader.add_render_rule("link_close", _link_close)
    if not definitions:
        reader.disable("reference")
    reader.validateLink = lambda url: True  # type: ignore[method-assign]  # no address becomes a link
    return reader


def _formula(self: RendererHTML, tokens: Any, i: int, options: Any, env: Any) -> str:
    token = tokens[i]
    block = token.type in ("math_block", "math_block_label", "math_inline_double", "amsmath")
    made: str = env["kept"].keep(mathml(token.content.strip(), block))
    return f"<div>{made}</div>\n" if token.block else made


def _image(self: RendererHTML, tokens: Any, i: int, options: Any, env: Any) -> str:
    alt = self.renderInlineAsText(tokens[i].children or [], options, env)
    made: str = env["kept"].keep(env["kept"].picture(str(tokens[i].attrs.get("src", "")), alt))
    return made


def _link_open(self: RendererHTML, tokens: Any, i: int, options: Any, env: Any) -> str:
    return self.renderToken(tokens, i, options, env) if env["kept"].links else ""


def _link_close(self: RendererHTML, tokens: Any, i: int, options: Any, env: Any) -> str:
    if env["kept"].links:
        return "</a>"
    opened = max(j for j in range(i) if tokens[j].type == "link_open" and tokens[j].level == tokens[i].level)
    address = str(tokens[opened].attrs.get("href", ""))
    text = "".join(token.content for token in tokens[opened + 1 : i])
    same = address in (text, f"mailto:{text}")
    return "" if same else f" (<code>{html.escape(address[:200])}</code>)"


def _only_drawn(tag: str, name: str, value: str) -> str | None:
    return value if name != "src" or value.startswith("data:image/png;base64,") else None


def _cut(line: str) -> str:
    left = len(line) - LONGEST_LINE
    return line if left <= 0 else f"{line[:LONGEST_LINE]}… ({left:,} more characters)"


def _is_visible(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"

"""TeX formulas as MathML, which browsers show without a script."""

from __future__ import annotations

import html
from xml.etree import ElementTree

#: What a formula may consist of. None of them loads, links or runs anything, and HTML can't stand in them.
ELEMENTS = """
math mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext
mtr munder munderover
"""
#: … and its attributes.
ATTRIBUTES = """
accent accentunder columnalign columnspacing display displaystyle fence form largeop linethickness lspace
mathvariant maxsize minsize movablelimits rowspacing rspace scriptlevel separator stretchy symmetric width
"""
_LONGEST = 2_000


def mathml(tex: str, block: bool = False) -> str:
    """Write a formula as MathML.

    Parameters
    ----------
    tex : str
        Without the dollars.
    block : bool
        Whether it stands on lines of its own.

    Returns
    -------
    str
        HTML that is safe whatever the formula says. What can't be converted comes as it was written.
    """
    from latex2mathml.converter import convert_to_element

    kind = "block" if block else "inline"
    if len(tex) <= _LONGEST:
        try:
            # Not `convert`: it undoes the escapes of "<" in the text of the formula.
            element = _rebuilt(convert_to_element(tex, display=kind))
            element.set("display", kind)
            return ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)
        except (Exception, RecursionError):  # a converter of other people's, given a student's text
            pass
    return f'<code class="tex">{html.escape(tex)}</code>'


def _rebuilt(element: ElementTree.Element, depth: int = 0) -> ElementTree.Element:
    """Copy a formula, but only what is known to be harmless."""
    if depth > 50:
        raise ValueError("nested too deeply")
    known = element.tag in ELEMENTS.split()
    made = ElementTree.Element(element.tag if known else "mrow")
    for name, value in element.attrib.items():
        if name in ATTRIBUTES.split():
            made.set(name, html.unescape(value))
    if known:
        made.text = html.unescape(element.text or "")
    made.extend(_rebuilt(child, depth + 1) for child in element)
    return made

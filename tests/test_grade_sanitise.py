"""What students write, made safe to look at: attacks on people, and honest texts that stay readable."""

import base64
import html.parser
import io
import time

import pytest
from PIL import Image, PngImagePlugin

from course_utils.grading import pictures, sanitise
from course_utils.grading.formulas import mathml
from course_utils.grading.pictures import redrawn
from course_utils.grading.sanitise import markdown, statement, unread, visible, visible_code

HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><style><a title='</style><img src=x onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object><embed src='javascript:alert(1)'>",
    "<form action='javascript:alert(1)'><button formaction='javascript:alert(1)'>go</button></form>",
    "<a href='javascript:alert(1)'>x</a><a href='data:text/html,<script>alert(1)</script>'>y</a>",
    "<base href='https://evil.example/'><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<style>@import '//evil.example/x.css'; body {display: none}</style>",
    "<div style='position:fixed;inset:0;background:url(//evil.example)'>",
    "<input autofocus onfocus=alert(1)><details open ontoggle=alert(1)>",
    "<p id=ex1_test class=score name=location>",
    "[a](javascript:alert(1)) [b](java&#115;cript:alert(1)) [c](<javascript:alert(1)>)",
    '[a]\n\n[a]: javascript:alert(1) "\'><img src=x onerror=alert(1)>"',
    "<javascript:alert(1)> <https://evil.example/>",
    "![x](javascript:alert(1)) ![x](https://evil.example/pixel.png) ![x](data:image/svg+xml,<svg onload=a>)",
    '!["><script>alert(1)</script>](attachment:x.png "\'><script>alert(1)</script>")',
    "```html\n<script>alert(1)</script>\n```",
    "`` <script>alert(1)</script> ``",
    "</div></div></body><script>alert(1)</script>",
    "<!-- --><script>alert(1)</script><!-- ",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php <script>alert(1)</script> ?>",
    r"$\href{javascript:alert(1)}{x}$ $\unicode{x3c}script$ $\style{display:block}{x}$ $\require{html}$",
    r"$$\text{</math><script>alert(1)</script>}$$",
    r"$<img src=x onerror=alert(1)>$ $\mathrm{<script>alert(1)</script>}$ \(<script>\)",
    r"\begin{align}<script>alert(1)</script>\end{align}",
    r"$\class{score}{x}$ $\cssId{ex1}{x}$ $\data{a=b}{x}$ $\color{red;background:url(//evil.example)}{x}$",
    "\ue0000\ue001 &#xe000;0&#xe001; $x$",
    "| a | <script>alert(1)</script> |\n|---|---|\n| <img src=x onerror=alert(1)> | b |",
    "a\x00<script\x00>alert(1)</script\x00>",
    "<" * 5_000,
    "[" * 5_000,
    ">" * 5_000 + "x",
    "*a " * 5_000,
    "$" + "{" * 1_500 + "$",
]
#: All tags that may be there, with their attributes.
LAYOUT = """
b blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre s small span strong sub
sup table tbody td th thead tr u ul
"""
FORMULA = """
math mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext
mtr munder munderover
"""


class Tags(html.parser.HTMLParser):
    """Collect what a page would do."""

    def __init__(self):
        super().__init__()
        self.wrong, self.depth = [], []

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            names = {"alt", "src"}
            if not dict(attributes).get("src", "").startswith("data:image/png;base64,"):
                self.wrong.append((tag, attributes))
        elif tag == "div":
            names = {"class"}
        elif tag in FORMULA.split():
            names = {name for name, _ in attributes} - {"href", "src", "style", "class", "id", "name"}
        else:
            names = {"class"} if tag == "code" else set()
        known = tag in (LAYOUT + FORMULA).split()
        extra = {name for name, _ in attributes} - names
        if not known or extra or any(name.startswith("on") for name, _ in attributes):
            self.wrong.append((tag, attributes))

    def handle_comment(self, data):
        self.wrong.append(("comment", data))

    def handle_decl(self, data):
        self.wrong.append(("declaration", data))


def wrong(made):
    tags = Tags()
    tags.feed(made)
    tags.close()
    return tags.wrong


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_of_it_runs_loads_or_links(text):
    made = markdown(text, {"x.png": {"image/png": "no picture"}})
    assert wrong(made) == []
    assert made.startswith('<div class="written">')
    assert made.endswith("</div>")
    assert "\n" not in made
    assert made.count('class="') == 1 + made.count('class="tex"')


def test_the_check_above_finds_what_it_looks_for():
    found = [wrong(text) for text in HOSTILE[:17]]
    assert all(found), found


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_notebook_reader_passes_it_on_unchanged(text):
    from nbconvert.filters import markdown2html

    made = markdown(text)
    assert markdown2html(made).strip() == made


def test_honest_text_stays_readable():
    made = markdown(
        "If $a < b$ then **stop**, see `x[0] < 3`:\n\n1. one\n2. two\n\n- x\n\nH<sub>2</sub>O &amp; 3 < 4"
    )
    for part in (
        "<mo>&lt;</mo>",
        "<strong>stop</strong>",
        "<code>x[0] &lt; 3</code>",
        "<li>two</li>",
        "H<sub>2</sub>O &amp; 3 &lt; 4",
    ):
        assert part in made
    assert "line one&#10;line two" in markdown("```\nline one\nline two\n```")


def test_addresses_are_shown_and_do_not_lead_anywhere():
    assert "the paper (<code>https://arxiv.org/abs/1</code>)" in markdown(
        "[the paper](https://arxiv.org/abs/1)"
    )
    assert markdown("<https://arxiv.org>") == '<div class="written"><p>https://arxiv.org</p>&#10;</div>'


def test_attachments_are_shown_as_drawn_again():
    written = io.BytesIO()
    Image.new("RGB", (2, 2), "blue").save(written, "PNG")
    bundle = {"a.png": {"image/png": base64.b64encode(written.getvalue()).decode()}}
    made = markdown('![a "plot"](attachment:a.png)', bundle)
    assert 'alt="a &quot;plot&quot;" src="data:image/png;base64,' in made
    assert wrong(made) == []


def test_the_statement_keeps_links_and_hints_and_gets_formulas():
    made = statement(
        "See [it](https://x.example) and $x_1$.\n\n<details><summary>Hint</summary>\n\nno\n\n</details>"
    )
    assert '<a href="https://x.example"' in made
    assert "<summary>Hint</summary>" in made
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in made
    assert "<script" not in statement("<script>alert(1)</script>")


@pytest.mark.parametrize(
    "tex", ["", "\\", "{", "\\frac", "x" * 3_000, "\\left(" * 500, "\\nothing{x}", "a & b"]
)
def test_any_formula_gives_something(tex):
    made = mathml(tex)
    assert made.startswith(("<math", "<code"))
    assert wrong(made) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï\tcode\nπ ≤ 3 🙂", "plain ünï\tcode\nπ ≤ 3 🙂"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x1b[31mred\x1b[0m\x07", "⟦U+001B⟧[31mred⟦U+001B⟧[0m⟦U+0007⟧"),
        ("access\u202e\u2066x\u200b", "access⟦U+202E⟧⟦U+2066⟧x⟦U+200B⟧"),
        ("\ud800\U000e0041\ue000\ufeff", "⟦U+D800⟧⟦U+E0041⟧⟦U+E000⟧⟦U+FEFF⟧"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_number(text, shown):
    assert visible(text) == shown


def test_long_texts_are_cut_and_say_so():
    assert visible("x" * 60_000) == "x" * 50_000 + "\n… (10,000 more characters)"


def test_pictures_keep_their_pixels_and_nothing_else():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    for kind, options in (("PNG", {"pnginfo": info}), ("JPEG", {"comment": b"<script>", "quality": 95})):
        written = io.BytesIO()
        Image.new("RGB", (1_800, 20), (10, 200, 30)).save(written, kind, **options)
        assert b"<script>" in written.getvalue()
        content = base64.b64decode(redrawn(base64.b64encode(written.getvalue()).decode()))
        assert b"<script>" not in content
        picture = Image.open(io.BytesIO(content))
        assert picture.size == (900, 10)
        assert max(abs(a - b) for a, b in zip(picture.getpixel((5, 5)), (10, 200, 30), strict=True)) <= 2


@pytest.mark.parametrize("encoded", [None, 3, "", "no base64!", "PHN2Zz4=", "R0lGODlhAQABAAAAACw=", ["a"]])
def test_what_is_no_picture_is_not_shown(encoded):
    assert redrawn(encoded) is None


def test_a_picture_of_too_many_pixels_is_not_decoded():
    written = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(written, "PNG")
    assert redrawn(base64.b64encode(written.getvalue()).decode()) is None


def jpeg_of_many_passes(count):
    """Make a JPEG of a million pixels that says the same, in a dozen bytes, again and again."""
    written = io.BytesIO()
    Image.new("L", (1000, 1000)).save(written, "JPEG", progressive=True)
    table = b"\xff\xc4\x00\x14\x10\x01" + bytes(15) + b"\xe0"  # one code: the rest of 16,384 blocks is empty
    again = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + b"\x00\x01"
    return base64.b64encode(written.getvalue()[:-2] + table + again * count + b"\xff\xd9").decode()


def test_a_picture_of_very_many_passes_is_not_decoded():
    """Of 8 MiB it could have half a million, each of which costs a look at every pixel: minutes."""
    assert redrawn(jpeg_of_many_passes(0)) is not None
    assert redrawn(jpeg_of_many_passes(80)) is not None
    assert redrawn(jpeg_of_many_passes(5000)) is None


def test_a_picture_shown_many_times_is_drawn_a_few():
    written = io.BytesIO()
    Image.new("RGB", (20, 20)).save(written, "PNG")
    attached = {"a": {"image/png": base64.b64encode(written.getvalue()).decode()}}
    shown = markdown("![here](attachment:a)\n" * 1000, attached)
    assert shown.count("<img") == 10
    assert shown.count("picture that is not shown: here") == 990
    assert markdown("![here](attachment:a)", attached, 0).count("<img") == 0


def test_definitions_of_addresses_take_no_time():
    """A thousand of them are text: reading so many takes time that grows with their square."""
    shown = markdown("[a]: b\n" * 1000 + "\n[text][a]")
    assert shown.count("[a]: b") == 1000
    assert statement("[a]: https://example.org\n\n[text][a]").count("href") == 1


def test_long_lines_of_code_are_cut_and_say_so():
    """What colours code takes minutes for a line of fifty thousand dots."""
    assert visible_code("." * 50_000) == "." * 2000 + "… (48,000 more characters)"
    assert visible_code("ab\n" * 5000) == "ab\n" * 5000
    assert visible("word " * 1000) == "word " * 1000, "a paragraph is one line in many editors"
    assert unread("<b>\n" * 2) == '<div class="written"><pre>&lt;b&gt;&#10;&lt;b&gt;&#10;</pre></div>'
    assert statement(unread("<b>")) == unread("<b>")


def seconds(action, *arguments):
    """Give the processor time that something takes."""
    began = time.process_time()
    action(*arguments)
    return time.process_time() - began


def test_without_these_bounds_a_page_takes_very_long(monkeypatch):
    """A few kilobytes of definitions or of passes cost far more than as much of anything else."""
    definitions, passes = "[a]: b\n" * 1200, jpeg_of_many_passes(5000)
    bounded = seconds(markdown, definitions) + seconds(redrawn, passes)
    with_definitions = sanitise._reader(definitions=True)
    monkeypatch.setattr(sanitise, "_reader", lambda definitions: with_definitions)
    monkeypatch.setattr(pictures, "_SCANS", 10**9)
    assert seconds(markdown, definitions) > 5 * bounded
    assert seconds(redrawn, passes) > 2 * bounded

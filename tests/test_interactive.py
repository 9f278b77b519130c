"""The look of figures, and interactive figures that need no kernel."""

import base64
import io
import re

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from docutils import nodes
from ipywidgets import embed
from nbclient import NotebookClient
from PIL import Image

from course_utils import interactive, plots
from course_utils.interactive import frames
from course_utils.notebooks.sanitise import VIEW


def png(shade=0, size=(60, 40), mode="L"):
    buffer = io.BytesIO()
    Image.new(mode, size, shade).save(buffer, "PNG")
    return buffer.getvalue()


def call(count=12, **changes):
    """Call `frames` with `count` plain pictures."""
    arguments = {
        "figures": [png(i) for i in range(count)],
        "labels": list(range(count)),
        "name": "grey-levels",
        "alt": [f"A plane of grey level {i}" for i in range(count)],
        "description": "Grey level",
    } | changes
    return frames(arguments.pop("figures"), arguments.pop("labels"), **arguments)


def decoded(page):
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page.value)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_every_frame_is_a_picture_with_its_own_alt_text():
    stack = call().widget.children[1]
    assert isinstance(stack, ipywidgets.Stack)
    for i, page in enumerate(stack.children):
        assert f'alt="A plane of grey level {i}"' in page.value
        assert decoded(page).convert("L").getpixel((0, 0)) == i


@pytest.mark.parametrize(
    ("kind", "count", "control"),
    [
        ("slider", 12, ipywidgets.SelectionSlider),
        ("buttons", 3, ipywidgets.ToggleButtons),
        ("dropdown", 2, ipywidgets.Dropdown),
    ],
)
def test_the_browser_alone_links_control_and_stack(kind, count, control):
    shown = call(count, kind=kind, start=1)
    chosen, stack = shown.widget.children
    assert type(chosen) is control
    assert chosen.description == "Grey level"
    assert (chosen.index, stack.selected_index) == (1, 1)
    # jslink makes a widget of its own that holds both ends; `link` in Python would leave none.
    state = embed.dependency_state(shown.widget, drop_defaults=False).values()
    (link,) = [model["state"] for model in state if model["model_name"] == "LinkModel"]
    assert link["source"] == [f"IPY_MODEL_{chosen.model_id}", "index"]
    assert link["target"] == [f"IPY_MODEL_{stack.model_id}", "selected_index"]


def test_output_holds_widget_picture_and_the_same_words_everywhere():
    shown = call(labels=[f"level {i}" for i in range(12)])
    data, metadata = shown._repr_mimebundle_()
    assert data[VIEW]["model_id"] == shown.widget.model_id
    assert data["text/plain"] == "Interactive figure 'grey-levels': 12 frames, Grey level" == repr(call())
    assert set(data) == {VIEW, "image/png", "text/plain"}
    strip = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L")
    # Four frames, two a row, at two thirds of their size, each below its title.
    assert strip.size == (80, 2 * (27 + 24))
    assert [strip.getpixel(at) for at in [(20, 37), (60, 37), (20, 88), (60, 88)]] == [0, 4, 7, 11]
    assert "Grey level: level 11. A plane of grey level 11" in metadata["image/png"]["alt"]


def test_alt_text_and_caption_are_escaped():
    shown = call(alt=[f'k < {i} & "x"' for i in range(12)], caption="a < b")
    _, stack, caption = shown.widget.children
    assert 'alt="k &lt; 3 &amp; &quot;x&quot;"' in stack.children[3].value
    assert caption.value == '<p class="interactive-caption">a &lt; b</p>'


def test_figures_are_drawn_in_one_size_and_closed():
    figures = []
    for i in range(12):
        figure, axes = plt.subplots(figsize=(2, 1))
        axes.plot([0, i])
        figures.append(figure)
    shown = call(figures=figures, labels=[i / 4 for i in range(12)], dpi=50)
    assert not plt.get_fignums()
    assert decoded(shown.widget.children[1].children[0]).size == (100, 50)
    assert shown.widget.children[0].options[:3] == ("0", "0.25", "0.5")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "wheel"}, "wanted 'slider', 'buttons' or 'dropdown'"),
        ({"alt": ["one"] * 11}, "12 figures, 12 labels, 11 alt texts"),
        ({"alt": "a sine wave."}, "alt is a list"),
        ({"alt": ["a plane"] * 12}, "its own alt text"),
        ({"alt": [" "] + [f"plane {i}" for i in range(11)]}, "its own alt text"),
        ({"labels": [0] * 12}, "share a label"),
        ({"name": "grey levels"}, "letters, digits and hyphens"),
        ({"description": " "}, "screen reader"),
        ({"start": 12}, "wanted 0 to 11"),
        ({"count": 11}, "a slider needs at least 12"),
        ({"count": 1, "kind": "buttons"}, "at least 2"),
        ({"figures": [png(i, (60, 40 + (i == 5))) for i in range(12)]}, "different sizes"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        call(**changes)


def test_too_heavy_a_figure_is_refused():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    heavy = io.BytesIO()
    Image.fromarray(noise).save(heavy, "PNG")
    with pytest.raises(ValueError, match="more than 900,000; use a smaller figsize"):
        call(figures=[heavy.getvalue()] * 12)


def test_a_palette_is_used_only_where_nobody_sees_it():
    rng = np.random.default_rng(0)
    few = rng.choice([10, 90, 200], (80, 80, 3)).astype(np.uint8)
    many = rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)
    for pixels, mode in ((few, "P"), (many, "RGB")):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        small = interactive._shrink(buffer.getvalue())
        stored = Image.open(io.BytesIO(small))
        assert stored.mode == mode
        assert np.array_equal(np.asarray(stored.convert("RGB")), pixels)


def test_page_keeps_the_picture_beside_the_widget():
    from docutils.utils import new_document

    from course_utils.interactive_pages import CLASS, FALLBACK_CLASS, KeepFallback

    def bundle(*kinds):
        children = [nodes.container("", nodes.Text(kind), mime_type=kind) for kind in kinds]
        return nodes.container("", *children, nb_element="mime_bundle")

    document = new_document("page")
    document += bundle(VIEW, "image/png", "text/plain")
    document += bundle("image/png", "text/plain")
    document += nodes.container("", nodes.Text("something else"))
    KeepFallback(document).run()
    both, picture, other = document.children
    assert both["classes"] == [CLASS]
    assert both.children[0].astext() == VIEW
    assert both.children[1]["classes"] == [FALLBACK_CLASS]
    assert both.children[1].astext() == "image/png"
    assert picture["nb_element"] == "mime_bundle"
    assert other.astext() == "something else"


def test_only_pages_with_interactive_figures_load_their_files():
    from course_utils import interactive_pages

    class App:
        def __init__(self):
            self.files, self.transforms = [], []

        def add_css_file(self, name):
            self.files.append(name)

        def add_js_file(self, name, loading_method):
            self.files.append(name)

        def add_post_transform(self, transform):
            self.transforms.append(transform)

        def connect(self, event, function):
            self.page = function

    app = App()
    assert interactive_pages.setup(app)["parallel_read_safe"]
    assert app.transforms == [interactive_pages.KeepFallback]
    app.page(app, "index", "page.html", {}, nodes.container(""))
    app.page(app, "search", "page.html", {}, None)
    assert app.files == []
    app.page(
        app, "chapter", "page.html", {}, nodes.container("", nodes.container(classes=["interactive-figure"]))
    )
    assert app.files == ["interactive.css", "interactive.js"]


@pytest.mark.parametrize("shape", [(23, 8, 6), (23, 8, 6, 1), (23, 8, 6, 3)])
def test_show_images_puts_every_picture_into_the_grid(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    axes = plots.show_images(images, np.arange(23) % 2, ("bird", "ship"), columns=5).axes[0]
    canvas = axes.images[0].get_array()
    last = np.broadcast_to(images.reshape(23, 8, 6, -1)[22] / 255, (8, 6, 3))
    # 23 = 4 rows of 5 and 3 more; one pixel between columns.
    assert np.allclose(canvas[-8:, 2 * 7 : 2 * 7 + 6], last)
    assert np.all(canvas[-8:, 3 * 7 :] == 1)
    assert [text.get_text() for text in axes.texts] == ["bird", "ship"] * 11 + ["bird"]


def test_pictures_show_in_a_kernel_in_which_nothing_else_ran():
    source = "import numpy as np\nfrom course_utils.plots import show_images\n"
    source += "show_images(np.zeros((2, 8, 8, 3), np.uint8))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [output.data for output in notebook.cells[0].outputs if "data" in output]
    assert any("image/png" in data for data in shown), shown


def test_show_images_scales_other_ranges_and_titles_the_grid():
    figure = plots.show_images(np.array([[[-2.0, 0.0, 2.0]]]), ["w"], limits=(-2, 2), title="Templates")
    assert np.allclose(figure.axes[0].images[0].get_array()[-1, :, 0], [0, 0.5, 1])
    assert figure._suptitle.get_text() == "Templates"
    assert figure.axes[0].texts[0].get_text() == "w"
    assert plots.show_images(np.zeros((1, 2, 2)), [7]).axes[0].texts[0].get_text() == "7"
    assert not plt.get_fignums()


@pytest.mark.parametrize("shape", [(3, 32), (5, 3, 32, 32), (0, 8, 8, 3)])
def test_show_images_names_the_wrong_shape(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        plots.show_images(np.zeros(shape))


def test_show_images_wants_one_label_a_picture():
    with pytest.raises(ValueError, match="2 images but 3 labels"):
        plots.show_images(np.zeros((2, 4, 4)), [0, 1, 2])


def test_style_is_white_and_its_first_colours_survive_greyscale():
    with plt.rc_context():
        plots.use_style()
        assert plt.rcParams["figure.facecolor"] == plt.rcParams["axes.facecolor"] == "white"
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours[:5]])
    lightness = np.sort(rgb @ [0.299, 0.587, 0.114])
    assert np.all(np.diff(lightness) > 25)

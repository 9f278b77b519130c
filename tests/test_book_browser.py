"""The rendered book in Chromium, opened from disk with the network off."""

import json
import os
import shutil

import pytest
from book_pages import CHAPTERS, PAGES, ROOT, views

from course_utils import vendor

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# A chapter has 20,000 coloured words of code and parts of formulas, which axe-core looks at one by one for
# minutes. It gets three of each; the prose pages, which have code and formulas too, it gets whole.
THIN = """
for (const code of document.querySelectorAll("article .highlight pre"))
  [...code.children].slice(3).forEach(word => word.remove());
for (const formula of [...document.querySelectorAll("article mjx-container")].slice(3))
  formula.textContent = "x";
"""
WIDE, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    # As root Chromium refuses its own sandbox; the pages are ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, rendered):
    """Open pages; at the end nothing may have asked for the network or complained."""
    complaints = []
    context = browser.new_context(viewport=WIDE, offline=True)

    def record(kind, text):
        complaints.append(f"{kind}: {text[:300]}")

    def open_page(name):
        page = context.new_page()
        page.on("console", lambda m: record("console", m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: record("error", str(error)))
        page.on("requestfailed", lambda request: record("failed", request.url))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else record("network", r.url),
        )
        page.goto((rendered[0] / f"{name}.html").as_uri())
        page.evaluate("window.MathJax?.startup?.promise")
        expected = views(name.split("/")[1]) if name.startswith("notebooks/") else 0
        page.wait_for_function("n => document.querySelectorAll('.interactive').length >= n", arg=expected)
        return page

    yield open_page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_page_works_from_disk_light_and_dark_wide_and_narrow(visit, name):
    page = visit(name)
    assert page.locator("article h1").is_visible()
    assert page.locator("article .math mjx-container").count() >= page.locator("article .math").count()
    assert page.locator("article mjx-container [data-mml-node=merror]").count() == 0
    page.evaluate("document.querySelectorAll('article details').forEach(d => { d.open = true; })")
    page.set_viewport_size(PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{name} scrolls sideways on a phone: {width} px"
    page.set_viewport_size(WIDE)
    page.add_style_tag(content="* { transition: none !important }")  # no colour is measured half-way
    if name.startswith("notebooks/"):
        page.evaluate(THIN)
    barriers = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        assert background(page) == scheme
        barriers[scheme] = serious_barriers(page)
    assert barriers == {"light": [], "dark": []}, json.dumps(barriers, indent=1)


def background(page):
    """Whether the page itself is light or dark."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3
    return "light" if brightness > 200 else "dark" if brightness < 60 else colour


def serious_barriers(page):
    """What axe-core finds in the page's content that keeps somebody out."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(
            (vendor.fetch(ROOT, tests=True) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        )
    found = page.evaluate(
        "axe.run('article', {resultTypes: ['violations'], preload: false}).then(result => result.violations)"
    )
    return [
        {"rule": v["id"], "count": len(v["nodes"]), "where": [node["html"][:200] for node in v["nodes"][:3]]}
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def test_barriers_are_found(visit):
    page = visit("book/index")
    page.evaluate("document.querySelector('article img').removeAttribute('alt')")
    assert [barrier["rule"] for barrier in serious_barriers(page)] == ["image-alt"]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_every_interactive_figure_moves(visit, stem):
    page = visit(f"notebooks/{stem}")
    figures = page.locator("article .interactive")
    assert figures.count() == views(stem) >= 2
    for i in range(figures.count()):
        figure = figures.nth(i)
        name = figure.get_attribute("class").split("interactive-")[1].split()[0]
        before = shown(figure)
        assert len(before) == 1, f"{name} shows {len(before)} pictures"
        move(page, figure)
        after = shown(figure)
        assert len(after) == 1, f"{name} shows {len(after)} pictures"
        assert before[0]["alt"] != after[0]["alt"], f"{name} does not move"
        assert before[0]["src"] != after[0]["src"], f"{name} shows the same picture again"
        assert page.locator("article .interactive-fallback").nth(i).is_hidden()


def shown(figure):
    """The pictures of a figure that can be seen, with their texts."""
    return figure.locator("img").evaluate_all(
        "all => all.filter(i => i.checkVisibility() && i.naturalWidth > 1).map(({alt, src}) => ({alt, src}))"
    )


def move(page, figure):
    """Use a figure's control as a reader with a keyboard does."""
    handle = figure.locator(".noUi-handle")
    buttons = figure.locator("button[aria-pressed=false]")
    if handle.count():
        at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        said = handle.get_attribute("aria-valuetext")
        handle.focus()
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        assert handle.get_attribute("aria-label")
        page.wait_for_function(
            "([h, t]) => h.getAttribute('aria-valuetext') !== t", arg=[handle.element_handle(), said]
        )
    elif buttons.count():
        buttons.first.focus()
        page.keyboard.press("Enter")
    else:
        menu = figure.locator("select")
        menu.select_option(index=(menu.evaluate("m => m.selectedIndex") + 1) % menu.locator("option").count())


@pytest.mark.parametrize("stem", CHAPTERS)
def test_slider_can_be_dragged(visit, stem):
    page = visit(f"notebooks/{stem}")
    figure = page.locator("article .interactive:has(.noUi-handle)").first
    figure.scroll_into_view_if_needed()
    before = shown(figure)
    track = figure.locator(".noUi-base").bounding_box()
    handle = figure.locator(".noUi-handle").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    far = track["x"] + track["width"] if x < track["x"] + track["width"] / 2 else track["x"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(far, y, steps=4)
    page.mouse.up()
    assert shown(figure)[0]["alt"] != before[0]["alt"]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_widgets_have_a_stand_in_without_javascript(browser, rendered, stem):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((rendered[0] / "notebooks" / f"{stem}.html").as_uri())
    assert page.locator(".interactive-fallback img").count() == views(stem)
    assert page.locator(".interactive-fallback img").first.is_visible()
    context.close()


@pytest.mark.parametrize("name", [f"notebooks/{stem}" for stem in CHAPTERS] + ["book/how_to_study"])
def test_quick_questions_open_by_keyboard(visit, name):
    page = visit(name)
    questions = page.locator("article .question")
    assert questions.count() >= 1
    for i in range(questions.count()):
        choices = questions.nth(i).locator("details.choice")
        assert choices.count() >= 2
        assert questions.nth(i).locator("details.choice.right").count() >= 1
        choice = choices.first
        choice.locator("summary").focus()
        assert not choice.evaluate("c => c.open")
        page.keyboard.press("Enter")
        assert choice.evaluate("c => c.open")
        explanation = choice.evaluate(
            "c => c.innerText.replace(c.querySelector('summary').innerText, '').trim()"
        )
        assert len(explanation) > 20


def test_search_answers_from_disk(visit):
    page = visit("search")
    page.locator("article input[name=q], main input[name=q]").first.fill("gradient")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a", has_text="Glossary").count() >= 1

"""Feedback and the real formgrader in Chromium, with hostile submissions: no script runs, nothing loads."""

import base64
import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from grade_class import answered
from people_class import HINT, Marked, verdict
from PIL import Image
from test_grade_sanitise import HOSTILE

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Sets a mark on the page if it runs, whatever lets it run.
RUN = "document.documentElement.setAttribute('data-ran', '1')"
ATTACKS = [text.replace("alert(1)", RUN) for text in HOSTILE if len(text) < 1_000]


def hostile(course):
    """Make a notebook that attacks whoever looks at it, in every place where a student can write."""
    made = answered(notebook=course.copy(), code=f"# </pre><script>{RUN}</script>\ndef double(x): return 1")
    made.cells[-2].source = ATTACKS[0]
    html = f'<script>{RUN}</script><img src=x onerror="{RUN}">'
    data = {
        "text/html": html,
        "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{RUN}\"></svg>",
        "application/javascript": RUN,
        "text/markdown": html,
        "text/latex": r"$\href{javascript:" + RUN + r"}{x}$",
    }
    own = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", data)])
    own.metadata["tags"] = [f'x"><script>{RUN.replace(chr(44), chr(43))}</script>']
    picture = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(picture, "PNG")
    encoded = base64.b64encode(picture.getvalue()).decode()
    own.outputs.append(nbformat.v4.new_output("display_data", {"image/png": encoded}))
    written = nbformat.v4.new_markdown_cell(
        html, attachments={"a.svg": {"image/svg+xml": data["image/svg+xml"]}}
    )
    raw = nbformat.v4.new_raw_cell(html, metadata={"raw_mimetype": "text/html"})
    made.cells += [own, written, raw]
    pictures = {"x.png": {"image/png": "no picture"}}
    made.cells += [nbformat.v4.new_markdown_cell(text, attachments=pictures) for text in ATTACKS]
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    made.metadata["title"] = f"</title><script>{RUN}</script>"
    return made


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = Marked(tmp_path_factory.mktemp("browser") / "course")
    course.mark("ada", verdict(0.0, 1.5), notebook=hostile(course))
    course.writer.close()
    return course


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def look(browser):
    """Open a page; give it with what it asked of hosts that are not ``allowed``."""
    contexts = []

    def open_page(address, allowed="file:", **settings):
        contexts.append(browser.new_context(**settings))
        page, asked = contexts[-1].new_page(), []
        contexts[-1].route(
            "**/*", lambda route: route.continue_() if good(route.request.url) else route.abort()
        )

        def good(url):
            return url.startswith((allowed, "data:", "blob:"))

        page.on("request", lambda request: None if good(request.url) else asked.append(request.url))
        page.on("dialog", lambda dialog: (asked.append("dialog"), dialog.dismiss()))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        return page, asked

    yield open_page
    for context in contexts:
        context.close()


def touch(page):
    """Do what a reader does: move over everything, open and click what can be opened and clicked."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for link in page.locator(".written a, .comment a, .output a").all():
        link.click(timeout=1_000)
    page.evaluate(
        "document.querySelectorAll('body *').forEach(e => "
        "['mouseover', 'focus', 'toggle', 'load', 'error'].forEach(k => e.dispatchEvent(new Event(k))))"
    )
    page.wait_for_timeout(300)


def ran(page):
    return page.evaluate("document.documentElement.hasAttribute('data-ran')")


@pytest.fixture(scope="module")
def feedback(course):
    from nbgrader.apps import NbGraderAPI

    result = NbGraderAPI(config=course.folders.config).generate_feedback("toy", "ada")
    assert result["success"], result
    return course.root / "class" / "feedback" / "ada" / "toy" / "toy.html"


def test_feedback_runs_and_loads_nothing(look, feedback):
    page, asked = look(feedback.as_uri())
    touch(page)
    assert not ran(page)
    assert asked == []
    assert page.get_by_text(HINT).is_visible()


def test_feedback_runs_nothing_even_without_its_policy(look, feedback):
    page, asked = look(feedback.as_uri(), bypass_csp=True)
    touch(page)
    assert not ran(page)
    assert asked == []


def test_without_the_sanitiser_the_same_notebook_runs_scripts(look, course, tmp_path):
    from nbconvert.exporters import HTMLExporter

    shown = tmp_path / "control.html"
    shown.write_text(HTMLExporter(template_name="classic").from_notebook_node(hostile(course))[0])
    page, asked = look(shown.as_uri())
    assert ran(page)
    assert asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_feedback_fits_and_can_be_read(look, feedback, scheme, width):
    page, _ = look(feedback.as_uri(), color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    colours = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    ink, paper = (sum(map(float, colour[4:-1].split(","))) / 3 for colour in colours)
    assert (ink < 100 and paper > 200) if scheme == "light" else (ink > 200 and paper < 60)


@pytest.fixture(scope="module")
def formgrader(course):
    """Start a Jupyter server with nbgrader's own formgrader in the course's folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        "--no-browser",
        f"--port={port}",
        f"--ServerApp.root_dir={course.root}",
    ]
    command += [f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    home = course.root.parent / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_DATA_DIR": str(home),
    }
    log = (course.root.parent / "server.log").open("w+")
    server = subprocess.Popen(command, cwd=course.root, env=environment, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{base}/api?token={token}", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (course.root.parent / "server.log").read_text()
                time.sleep(0.2)
        yield base, token
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def test_formgrader_runs_nothing_of_a_students_and_works(look, course, formgrader):
    from nbgrader.api import Gradebook
    from playwright.sync_api import expect

    base, token = formgrader
    with Gradebook(course.url, "image-classification") as book:
        student = book.find_student("ada")
        student.first_name = student.last_name = f'<img src=x onerror="{RUN}">'
        book.db.commit()
        number = book.find_submission_notebook("toy", "toy", "ada").id
    page, asked = look(f"{base}/login?token={token}", allowed=base)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{base}/formgrader/submissions/{number}/", wait_until="networkidle")
    assert page.locator(".nbgrader_cell").count() >= 4
    touch(page)
    assert not ran(page)
    assert asked == []
    assert errors == []
    # nbgrader's own scripts do run: scores are there, a comment is saved, the name can be shown
    expect(page.locator("#part_test")).to_have_attribute("placeholder", "1.5")
    page.locator("span.glyphicon.name-hidden").first.click()
    assert page.locator("a.name-shown").first.is_visible()
    page.locator("#essay").fill("1.5")
    with page.expect_response(lambda response: "/api/grade/" in response.url and response.ok):
        page.locator("#essay").press("Tab")
    with Gradebook(course.url, "image-classification") as book:
        assert book.find_grade("essay", "toy", "toy", "ada").manual_score == 1.5


@pytest.mark.parametrize("wall", ["sanitiser", "page"])
def test_each_of_formgraders_walls_holds_alone(look, course, formgrader, wall):
    """Without the page's policy; and with the notebook as it was handed in, as if nothing had cleaned it."""
    from nbgrader.api import Gradebook

    base, token = formgrader
    path = course.graded("ada")
    kept = path.read_bytes()
    with Gradebook(course.url, "image-classification") as book:
        number = book.find_submission_notebook("toy", "toy", "ada").id
    path.chmod(0o644)
    try:
        if wall == "page":
            nbformat.write(hostile(course), path)
        page, asked = look(f"{base}/login?token={token}", allowed=base, bypass_csp=wall == "sanitiser")
        page.goto(f"{base}/formgrader/submissions/{number}/", wait_until="networkidle")
        assert page.locator(".nbgrader_cell").count() >= 4
        touch(page)
        assert not ran(page)
        assert asked == []
    finally:
        path.write_bytes(kept)


def test_the_control_is_dangerous_in_formgraders_own_page(look, course, formgrader, tmp_path):
    """nbgrader's page of the raw notebook, with its own template and no sanitiser, does run scripts."""
    from pathlib import Path

    import nbgrader
    from nbconvert.exporters import HTMLExporter

    templates = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
    exporter = HTMLExporter(template_name="formgrade", extra_template_basedirs=[str(templates)])
    names = {"index": 0, "total": 1, "base_url": "", "student": "ada", "notebook_path": "x"}
    names |= {
        "assignment_id": "toy",
        "notebook_id": "toy",
        "submission_id": "x",
        "last_name": "",
        "first_name": "",
    }
    shown = tmp_path / "stock.html"
    shown.write_text(exporter.from_notebook_node(hostile(course), resources=names)[0])
    page, asked = look(shown.as_uri())
    assert ran(page)
    assert any("mathjax" in address for address in asked)

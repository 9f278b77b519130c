"""The corpus of hostile submissions: each earns nothing and harms nobody, and is real."""

import copy
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter

import nbformat
import pytest
from attacks import ATTACKS, stock
from attacks import runners as run
from attacks.course import BESIDE, COURSE, DOUBLES, HONEST, OTHERS, PLAN, SECRET
from attacks.tampering import TAMPERINGS
from nbconvert import HTMLExporter
from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import determine_grade

from course_utils.grading.cells import without_hidden_tests
from course_utils.grading.collecting import SafeExtractor
from course_utils.grading.lane import Lane
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Submission

KINDS = {"changing", "reading", "forging", "tampering", "exhausting", "escaping", "people"}
LIMITS = Limits(
    cell=1.0,
    total=20.0,
    restarts=3,
    memory=600 * 2**20,
    processes=40,
    open_files=200,
    file_size=10 * 2**20,
    disk=30 * 2**20,
    output=10**5,
)
#: What works without a sandbox too: there the judge alone defends.
JUDGED = [a.name for a in ATTACKS.values() if a.wins in ("points", "told", "escape", "long")]
JUDGED = [name for name in JUDGED if name not in ("solution_on_disk", "other_submission")]
#: What takes seconds to succeed.
SLOW = ("colliding_keys", "pattern", "endless_sequence", "endless_loop", "memory_of_children", "own_memory")
FALLEN_FOR = [
    pytest.param(name, marks=pytest.mark.full) if name in SLOW else name
    for name, attack in ATTACKS.items()
    if attack.against != "stock"
]


def test_corpus_is_large_and_of_every_kind():
    kinds = Counter(attack.kind for attack in (*ATTACKS.values(), *TAMPERINGS.values()))
    assert sum(kinds.values()) >= 100
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 10
    assert not set(ATTACKS) & set(TAMPERINGS)


# Without the defence they succeed -----------------------------------------------------------------


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Give a folder, a server and a process to harm, and a secret in the environment."""
    monkeypatch.setenv("COURSE_SECRET", SECRET)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "world/cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "world/home"))
    with run.World(tmp_path / "world") as made:
        yield made
        made.clean_up()


@pytest.fixture(scope="module")
def profile():
    """Give what the instructor's own answers gave."""
    with Lane(Limits(cell=5.0, total=30.0), unsafe=True) as made:
        yield made.rehearse(PLAN)


@pytest.mark.parametrize("name", FALLEN_FOR)
def test_attack_succeeds_without_the_defence(name, world, profile):
    """The corpus is real: a marker without the defence falls for it (bounded stand-ins, in forks)."""
    attack = ATTACKS[name]
    times = 2 if attack.wins == "passed" and attack.against == "process" else 1
    for _ in range(times):
        outcome = run.marked_without_defence(attack, world, profile)
    assert run.won(attack, outcome, world), outcome


@pytest.mark.parametrize("name", stock.AGAINST_STOCK)
def test_attack_succeeds_against_the_stock_autograder(name):
    """As recorded; `test_record_of_the_stock_autograder` runs it again."""
    assert json.loads(stock.RECORD.read_text())["succeeded"][name]


@pytest.mark.full
def test_record_of_the_stock_autograder(tmp_path):
    """What nbgrader's own autograder makes of the corpus now is what is recorded."""
    import nbgrader

    recorded = json.loads(stock.RECORD.read_text())
    if recorded["nbgrader"] != nbgrader.__version__:
        pytest.skip(f"recorded with nbgrader {recorded['nbgrader']}")
    found = stock.try_all(tmp_path)
    for key in ("succeeded", "others_too"):
        names = sorted(found[key].keys() | recorded[key].keys())
        assert [name for name in names if found[key].get(name) != recorded[key].get(name)] == []


# With it they do not ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unconfined():
    """Give a lane without a sandbox: the judge alone defends."""
    with Lane(LIMITS, preload=("numpy",), unsafe=True) as made:
        yield made


def check(attack, outcome, world):
    """Check what is asked of every attack."""
    assert run.won(attack, outcome, world) != attack.defended
    assert outcome.points is not None
    if attack.defended:
        assert outcome.doubles() == 0
    assert not world.changed()
    assert not world.killed()
    assert not world.processes()
    for cell in outcome.verdict.cells:
        if cell.name.startswith("double") and cell.points < cell.maximum:
            assert cell.status in ("failed", "late", "stopped", "partial")
            assert 5 < len(cell.for_student) < 2000
            assert len(cell.for_instructor) > 5
    assert all(ord(letter) >= 32 or letter == "\n" for letter in outcome.text)


def check_neighbour(lane, profile):
    """Check that the next submission gets all its points."""
    verdict = lane.grade(PLAN, Submission(HONEST), profile)
    assert verdict.total == DOUBLES + OTHERS
    assert not verdict.deaths


@pytest.mark.full
@pytest.mark.parametrize("name", JUDGED)
def test_judge_alone_defends(name, world, profile, unconfined):
    """What student code says and does within its process earns nothing, sandbox or not."""
    check(ATTACKS[name], run.judged(unconfined, profile, ATTACKS[name], world), world)


@pytest.fixture(scope="module")
def lane():
    """Give a lane with its sandbox."""
    with Lane(LIMITS, preload=("numpy",)) as made:
        yield made


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_earns_nothing_and_harms_nobody(name, world, profile, lane):
    """No points, nothing read, changed or left, a reason given, and a neighbour who gets all points."""
    attack = ATTACKS[name]
    known = profile if attack.wins != "beside" else lane.rehearse(BESIDE)
    for _ in range(2 if attack.wins == "passed" else 1):
        outcome = run.judged(lane, known, attack, world)
    check(attack, outcome, world)
    check_neighbour(lane, profile)


@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS.values() if attack.wins == "swamped"])
def test_process_that_marks_does_not_grow(name, world, profile):
    """However much student code says, the judge takes less than 100 MB more."""
    outcome = run.judged_here(ATTACKS[name], world, profile)
    assert outcome.points is not None
    assert outcome.grown < run.SWAMPED


@pytest.fixture(scope="module")
def marked_class(tmp_path_factory, root):
    """Have everything that was tried on the stock autograder marked by ``course grade``, in one class."""
    folder = tmp_path_factory.mktemp("class") / "course"
    (folder / "solutions/toy").mkdir(parents=True)
    shutil.copy(root / "nbgrader_config.py", folder)
    released = copy.deepcopy(COURSE)
    nbformat.write(released, folder / "solutions/toy/toy.ipynb")
    for cell in released.cells:
        cell.source = without_hidden_tests(cell.source)
    nbformat.write(released, folder / "released.ipynb")
    (folder / "instructor").mkdir()
    (folder / "instructor/notes.txt").write_text(SECRET)
    for attack in stock.AGAINST_STOCK.values():
        place = folder / "class/submitted" / attack.name / "toy"
        stock.write_submission(attack, place, folder / "released.ipynb", folder / "instructor/notes.txt")
    neighbour = folder / "class/submitted" / stock.NEIGHBOUR / "toy"
    neighbour.mkdir(parents=True)
    honest = stock.notebook_of(HONEST, folder / "released.ipynb")
    (neighbour / "toy.ipynb").write_text(json.dumps(honest))
    command = [
        sys.executable,
        "-m",
        "course_utils",
        "grade",
        "toy",
        "--json",
        "report.json",
        "--memory",
        "600",
    ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads((folder / "report.json").read_text())["outcomes"]
    return folder, {outcome["student"]: outcome for outcome in outcomes}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", stock.AGAINST_STOCK)
def test_changed_notebook_earns_nothing_and_harms_nobody(name, marked_class):
    """What beats the stock autograder gets a verdict, no points, and shows nothing that a page would run."""
    folder, outcomes = marked_class
    outcome, attack = outcomes[name], stock.AGAINST_STOCK[name]
    assert outcome["status"] in ("marked", "refused")
    assert outcome["reasons"] or outcome["status"] == "marked"
    notebook = nbformat.read(folder / "class/autograded" / name / "toy/toy.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    grades = {key: determine_grade(cell)[0] for key, cell in cells.items() if cell.metadata.nbgrader.grade}
    assert sum(value for key, value in grades.items() if key.startswith("double")) == 0
    assert sum(value or 0 for value in grades.values()) == (outcome["points"] or 0)
    others = [path for path in (folder / "class/autograded" / name).rglob("*") if path.is_file()]
    assert not any(SECRET in path.read_text() for path in others)
    if attack.wins == "page":
        assert not stock.active(HTMLExporter().from_notebook_node(notebook)[0])


@pytest.mark.sandbox
def test_neighbours_of_changed_notebooks_get_their_points(marked_class):
    assert marked_class[1][stock.NEIGHBOUR]["points"] == DOUBLES + OTHERS


def test_time_stamps_of_students_are_not_collected(tmp_path):
    """A ``timestamp.txt`` that a student packed does not reach the folder that is marked."""
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in/ada_toy.zip", "w") as packed:
        packed.writestr("timestamp.txt", "2001-01-01 00:00:00 UTC")
    SafeExtractor().extract(str(tmp_path / "in"), str(tmp_path / "out"))
    collected = FileNameCollectorPlugin(named_regexp=r".*/(?P<student_id>\w+)_(?P<file_id>toy)\.ipynb$")
    found = [collected.collect(str(path)) for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert found == [None]

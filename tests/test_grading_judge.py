"""The judge: honest answers keep their points, and no trick earns a point."""

import copy
import json
import socket
import sys
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest
from attacks import ATTACKS
from grading_attacks import BREAKING
from grading_toys import DOUBLE, PLAN, QUICK, SETUP, TOY, WEAK, exercise, marked, notebook, profile

from course_utils.grading import bank
from course_utils.grading.channel import Channel, Worker, start_unconfined
from course_utils.grading.judge import Allowance, JudgeError, grade, rehearse
from course_utils.grading.plan import PlanError, Submission, make_plan, submission_from

ROOT = Path(__file__).resolve().parent.parent
PS1 = "ps1_first_classifiers"

# What takes the worker down costs one worker for each cell; with few restarts that is quick.
SHORT = Allowance(cell=5.0, total=60.0, restarts=3)


# Attacks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_the_protocol_earns_nothing(name):
    """Not one of fifteen weakly written test cells is won; the verdict says why for each."""
    verdict = marked(SHORT, double=BREAKING[name])
    assert exercise(verdict, "double") == 0.0
    for cell in verdict.cells:
        if cell.name.startswith("double"):
            assert cell.status in ("failed", "late", "stopped")
            assert cell.for_student
            assert cell.for_instructor
    json.loads(verdict.as_json())
    assert all(ord(letter) >= 32 or letter == "\n" for letter in verdict.as_json())


def test_an_attack_does_not_touch_the_other_exercises():
    """What costs one exercise its points costs the others none; a worker that ended is replaced."""
    for name in ("patched_allclose", "always_equal", "early_exit_of_the_answer", "closed_descriptors"):
        verdict = marked(Allowance(cell=2.0, total=60.0, restarts=20), double=ATTACKS[name].source)
        assert exercise(verdict, "counter") == 5
        assert exercise(verdict, "twice") == 5
    assert len(verdict.deaths) == len(WEAK)


def test_the_judge_is_what_it_was_after_all_attacks():
    """Whatever ran before in this process, honest answers earn everything and others nothing."""
    assert marked().total == len(WEAK) + 10
    assert exercise(marked(double="def double(x): return x * 3"), "double") == 0
    assert not hasattr(sys.modules["__main__"], "DATA")


def test_a_function_of_the_tests_that_raises_is_not_silenced():
    """A failed assertion in a function that the test passes in counts, even if student code catches it."""
    toy = notebook(
        ("a_answer", "answer", "def use(f):\n    return f(2)", 0),
        ("a_test", "test", "def check(x):\n    assert x == 2\n    return 1\nassert use(check) == 1", 3),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    swallowing = """
def use(f):
    try:
        return f(3)
    except BaseException:
        return 1
"""
    verdict = grade(plan, Submission({"a_answer": swallowing}), start_unconfined, known, QUICK)
    assert verdict.total == 0
    careful = swallowing.replace("f(3)", "f(2)")
    assert grade(plan, Submission({"a_answer": careful}), start_unconfined, known, QUICK).total == 3


def test_an_argument_that_cant_be_changed_does_not_keep_others_changed():
    """A forged change is taken back also where another, of an array that is read-only, was refused."""
    toy = notebook(
        ("setup", "setup", SETUP, 0),
        ("a_answer", "answer", "def add(x, y):\n    return x + y", 0),
        (
            "a_frozen",
            "test",
            """
            fixed = np.ones(3)
            fixed.flags.writeable = False
            assert np.allclose(add(DATA, fixed), DATA + 1)
            """,
            1,
        ),
        ("a_global", "test", "assert np.allclose(add(DATA, DATA), DATA + DATA)", 1),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    forged = """
import numpy as np
from course_utils.grading import worker
from course_utils.grading.wire import encode
def changed(memo, before, leave):
    arrays = [n for n, value in enumerate(memo.objects) if type(value) is np.ndarray]
    return [(n, encode(np.zeros(3))) for n in arrays] if len(arrays) == 2 else []
worker.changed = changed
def add(x, y): return np.zeros(3)
"""
    assert grade(plan, Submission({"a_answer": forged}), start_unconfined, known, QUICK).total == 0


def test_functions_of_the_tests_are_no_plain_values():
    """An answer can't hand a test's own function back where a value belongs."""
    toy = notebook(
        ("a_answer", "answer", "def use(f):\n    return f(2)\ndef value():\n    return 7", 0),
        ("a_use", "test", "assert use(lambda x=2: x + 5) == 7", 1),
        ("a_value", "test", "assert value()", 1),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    back = "kept = []\ndef use(f):\n    kept.append(f)\n    return f(2)\ndef value():\n    return kept[0]"
    verdict = grade(plan, Submission({"a_answer": back}), start_unconfined, known, QUICK)
    assert verdict.points == {"a_use": 1, "a_value": 0}


def test_a_test_that_catches_everything_does_not_reward_an_ending():
    """A bare except in a test must not take the end of the process for the exception that it waits for."""
    toy = notebook(
        ("a_answer", "answer", "import math\ndef root(x):\n    return math.sqrt(x)", 0),
        ("a_test", "test", "try:\n    root(-1)\nexcept:\n    pass\nelse:\n    assert False", 1),
        ("a_value", "test", "assert root(4) == 2", 1),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    ending = "import os\ndef root(x):\n    return x**0.5 if x > 0 else os._exit(0)"
    verdict = grade(plan, Submission({"a_answer": ending}), start_unconfined, known, QUICK)
    assert verdict.points == {"a_test": 0, "a_value": 1}
    assert verdict.cells[0].status == "stopped"


def test_values_that_a_test_compares_with_never_reach_student_code():
    """An answer that writes down everything that it is asked: the arguments are all it sees."""
    spy = """
seen = []
class Spy:
    def __getattribute__(self, name):
        seen.append(name)
        return lambda *a, **k: seen.append(a)
    def __eq__(self, other): seen.append(other)
    __ne__ = __lt__ = __gt__ = __sub__ = __rsub__ = __add__ = __contains__ = __eq__
    def __array__(self, *a, **k): seen.append("array")
spies = [Spy()]
def double(x):
    seen.append(x)
    return spies[0]
def look(): return [repr(value) for value in seen]
"""
    toy = copy.deepcopy(TOY)
    for cell in toy.cells:
        if cell.id == "twice_test":
            cell.source = "for line in look():\n    print(line)\nassert look() == ['5']"
        if cell.id == "twice_answer":
            cell.source += "\ndef look():\n    return ['5']"
    plan = make_plan(toy)
    answers = dict(plan.reference.answers)
    known = rehearse(plan, start_unconfined, QUICK)
    answers |= {"double_answer": spy, "twice_answer": ""}
    for profile_or_none in (known, None):  # without a rehearsal, too
        verdict = grade(plan, Submission(answers), start_unconfined, profile_or_none, QUICK)
        printed = next(cell.printed for cell in verdict.cells if cell.name == "twice_test").split("\n")
        assert exercise(verdict, "double") == 0
        assert len(printed) >= len(WEAK)
        inputs = {"3", "array([1., 2., 3.])", "array([3., 6., 9.])"}
        assert inputs <= set(printed)
        assert not set(printed) & {"6", "6.0", "array([2., 4., 6.])", "[6.0, 12.0, 18.0]", "(6,)", "'array'"}


# Honest work --------------------------------------------------------------------------------------


def load_ps1():
    return nbformat.read(ROOT / "solutions" / PS1 / f"{PS1}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def ps1():
    plan = make_plan(load_ps1())
    return plan, rehearse(plan, start_unconfined)


def rows_of_answers():
    """Put the answers of the bank into rows, each with at most one for each exercise."""
    columns = defaultdict(list)
    for answer in bank.read_bank(ROOT / "solutions" / PS1 / "bank"):
        columns[answer.exercise].append(answer)
    longest = max(map(len, columns.values()))
    return [[column[n] for column in columns.values() if n < len(column)] for n in range(longest)]


ROWS = rows_of_answers()
SAMPLE = (0, 5, 9)  # right ones, and wrong ones of several kinds


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "row", [n if n in SAMPLE else pytest.param(n, marks=pytest.mark.full) for n in range(len(ROWS))]
)
def test_answers_of_the_bank_are_marked_as_in_one_process(row, ps1):
    """Cell by cell the same points; right answers earn everything, wrong ones lose on their own exercise."""
    plan, known = ps1
    answers = {f"{answer.exercise}_answer": answer.source for answer in ROWS[row]}
    given = Submission(plan.reference.answers | answers)
    verdict = grade(plan, given, start_unconfined, known)
    assert verdict.points == bank.mark(load_ps1(), answers)
    maximum = bank.by_exercise({cell.name: cell.maximum for cell in verdict.cells})
    earned = bank.by_exercise(verdict.points)
    wrong = {answer.exercise for answer in ROWS[row] if answer.kind != "right"}
    assert {name for name in earned if earned[name] < maximum[name]} == wrong
    assert verdict.deaths == []


def test_working_in_place_costs_nothing_where_nobody_looks():
    """An answer that changes its argument and returns it loses where a test looks at the argument."""
    in_place = "def double(x):\n    x *= 2\n    return x"
    toy = notebook(
        ("setup", "setup", SETUP, 0),
        ("double_answer", "answer", DOUBLE, 0),
        ("double_value", "test", "assert np.allclose(double(np.arange(3.0)), [0, 2, 4])", 1),
        ("double_global", "test", "assert np.allclose(double(DATA), [2, 4, 6])", 1),
        ("double_again", "test", "assert np.allclose(double(DATA), [2, 4, 6])", 1),
        ("double_kept", "test", "x = np.ones(2)\ndouble(x)\nassert x.sum() == 2", 1),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    verdict = grade(plan, Submission({"double_answer": in_place}), start_unconfined, known, QUICK)
    assert list(verdict.points.values()) == [1, 1, 1, 0]
    assert list(bank.mark(toy, {"double_answer": in_place}).values()) == [
        1,
        1,
        0,
        0,
    ]  # DATA is changed for good


def test_a_verdict_is_the_same_on_every_run():
    source = "import random\nprint(object())\ndef double(x):\n    raise ValueError(repr(object()))"
    first, second = (marked(double=source).as_json(seconds=False) for _ in range(2))
    assert first == second
    assert '"seconds"' not in first
    assert '"seconds"' in marked().as_json()


def test_answers_are_reported_too():
    verdict = marked(double="def double(x):\n    return x * 2\n\n[][0]", twice="import os\nos._exit(3)")
    told = {answer.name: answer for answer in verdict.answers}
    assert told["counter_answer"].status == "ran"
    assert told["double_answer"].status == "raised"
    assert "IndexError: list index out of range" in told["double_answer"].message
    assert "line 4 of double_answer: `[][0]`" in told["double_answer"].message
    assert told["twice_answer"].status == "stopped"
    assert exercise(verdict, "double") == len(WEAK)  # what it defined before the error counts
    missing = grade(PLAN, Submission({}), start_unconfined, profile(), QUICK)
    assert {answer.status for answer in missing.answers} == {"missing"}
    assert missing.total == 0


def test_a_cell_past_its_limit_costs_that_cell_only():
    slow = """
import time
def double(x):
    if isinstance(x, float):
        time.sleep(60)
    return x * 2
"""
    verdict = marked(Allowance(cell=1.0, total=60.0), double=slow)
    lost = [cell for cell in verdict.cells if cell.points < cell.maximum]
    assert [cell.name for cell in lost] == ["double_text"]
    assert lost[0].status == "late"
    assert lost[0].for_student == "this took too long"


def test_hidden_tests_stay_hidden():
    """Neither the test's text nor its inputs reach the student, in whichever way the answer fails."""
    leaking = "def double(x):\n    raise ValueError('input was ' + repr(x))"
    for source in (leaking, "def double(x): return x * 3", "def double(x): print(x)\n"):
        for cell in marked(double=source).cells:
            if cell.name.startswith("double"):
                said = cell.for_student.replace(leaking.splitlines()[1].strip(), "")
                assert "input was" not in said
                assert "assert" not in said
                assert "3.0" not in said
                assert "6" not in said
    named = "def double(x):\n    return type(f'input{x}', (), {})()"
    ended = "import os\ndef double(x):\n    os._exit(7)"
    for source in (named, ended):
        told = marked(double=source).cells[0].for_student
        assert "input3" not in told
        assert "double_equal" not in told
    stopped = marked(double=leaking).cells[0]
    line = leaking.splitlines()[1].strip()
    assert stopped.for_student == f"your code stopped with ValueError in line 2 of double_answer: `{line}`"
    assert "input was 3" in stopped.for_instructor
    visible = marked(twice="def twice(f, x):\n    raise KeyError('no')")
    assert "stopped with KeyError: 'no' in line 2 of twice_answer" in visible.cells[-1].for_student


def test_printed_output_reaches_tests_that_look_for_it():
    toy = notebook(
        ("a_answer", "answer", "def greet(name):\n    print('Hello', name)", 0),
        (
            "a_test",
            "test",
            """
            import contextlib, io
            with contextlib.redirect_stdout(io.StringIO()) as out:
                greet('Ada')
            assert out.getvalue() == 'Hello Ada\\n'
            """,
            2,
        ),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    silent = Submission({"a_answer": "def greet(name):\n    return 'Hello ' + name"})
    assert grade(plan, silent, start_unconfined, known, QUICK).total == 0


def test_partial_credit_is_the_tests_own():
    """The value of a cell's last expression counts as in nbgrader, unless it could come from student code."""
    toy = notebook(
        ("a_answer", "answer", "def score():\n    return 0.5\ndef f(x):\n    return x", 0),
        ("a_part", "test", "earned = sum(f(n) == n for n in range(4)) / 2\nearned", 2),
        ("a_last", "test", "assert f(1) == 1\nscore()", 3),
    )
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    half = "def score():\n    return 3\ndef f(x):\n    return min(x, 1)"
    verdict = grade(plan, Submission({"a_answer": half}), start_unconfined, known, QUICK)
    assert verdict.points == {"a_part": 1.0, "a_last": 3.0}
    assert [cell.status for cell in verdict.cells] == ["partial", "passed"]
    cheat = "def score():\n    return 3\ndef f(x):\n    return -1"
    assert grade(plan, Submission({"a_answer": cheat}), start_unconfined, known, QUICK).total == 0


def test_cells_between_run_where_they_belong():
    """Setup in both processes, setup that uses answers only beside them, the student's own cells too."""
    toy = notebook(
        ("setup", "setup", "%matplotlib inline\nimport math\nBASE = 10", 0),
        ("a_answer", "answer", "from math import floor\ndef make():\n    return [BASE]", 0),
        ("use", "setup", "made = make() * 2", 0),
        ("b_answer", "answer", "def last():\n    return made[-1]", 0),
        ("b_test", "test", "assert last() == BASE\nassert made == [10, 10]\nassert floor(2.5) == 2", 1),
    )
    plan = make_plan(toy)
    assert {step.name: step.kind for step in plan.steps}["use"] == "student setup"
    assert plan.proxied == {"last", "made"}
    known = rehearse(plan, start_unconfined, QUICK)
    mine = toy.cells[1].source.replace("make", "build")
    own = Submission(plan.reference.answers | {"a_answer": mine}, {"a_answer": ["make = build", "1 / 0"]})
    verdict = grade(plan, own, start_unconfined, known, QUICK)
    assert verdict.total == 1
    assert [answer.name for answer in verdict.answers] == ["a_answer", "a_answer+1", "a_answer+2", "b_answer"]
    assert verdict.answers[2].message == "your code stopped with ZeroDivisionError: division by zero"


def test_submission_from_a_notebook():
    filled = copy.deepcopy(TOY)
    filled.cells.insert(2, nbformat.v4.new_code_cell("mine = 1"))
    filled.cells.insert(0, nbformat.v4.new_code_cell("first = 1"))
    filled.cells.append(nbformat.v4.new_markdown_cell("words"))
    submission = submission_from(filled, PLAN)
    assert submission.answers == PLAN.reference.answers
    assert submission.added == {"": ["first = 1"], "double_answer": ["mine = 1"]}


BESIDE = notebook(
    ("setup", "setup", SETUP, 0),
    ("a_answer", "answer", DOUBLE, 0),
    (
        "a_test",
        "test",
        "assert np.allclose(double(DATA), DATA + DATA)",
        4,
        {"course": {"runs": "beside"}},
    ),
)


@pytest.mark.parametrize(
    ("source", "points"),
    [
        (DOUBLE, 4),
        ("def double(x):\n    return x * 3", 0),
        ("import numpy as np\nnp.allclose = lambda *a: True\ndef double(x):\n    return 0", 0),
        ("class Any:\n    allclose = lambda *a: True\nnp = Any()\ndef double(x):\n    return 0", 0),
        ("import numpy as np\ndef yes(a, b): return True\n"
         "np.allclose.__wrapped__.__code__ = (lambda a, b, rtol=0, atol=0, equal_nan=0: True).__code__\n"
         "def double(x):\n    return 0", 0),
    ],
)  # fmt: skip
def test_tests_beside_student_code_are_listed_and_guarded(source, points):
    plan = make_plan(BESIDE)
    known = rehearse(plan, start_unconfined, QUICK)
    verdict = grade(plan, Submission({"a_answer": source}), start_unconfined, known, QUICK)
    assert verdict.total == points
    assert verdict.beside == ["a_test"]


def test_canaries_survive_a_restart():
    """A new worker, too, knows what the library was before student code ran in it."""
    toy = copy.deepcopy(BESIDE)
    first = notebook(
        ("b_answer", "answer", "def leave():\n    return 1", 0), ("b_test", "test", "assert leave()", 1)
    )
    toy.cells[1:1] = first.cells
    plan = make_plan(toy)
    known = rehearse(plan, start_unconfined, QUICK)
    ending = "import os\ndef leave():\n    os._exit(0)"
    patched = "import numpy as np\nreal = np.allclose\nnp.allclose = lambda *a: real(*a)\n" + DOUBLE
    for source, points in ((DOUBLE, 4), (patched, 0)):
        given = Submission({"a_answer": source, "b_answer": ending})
        verdict = grade(plan, given, start_unconfined, known, QUICK)
        assert verdict.points == {"b_test": 0, "a_test": points}
        assert len(verdict.deaths) == 1
    assert "library functions were replaced: ['np.allclose']" in verdict.cells[-1].for_instructor


@pytest.mark.parametrize("name", ["thread_on_the_wire", "early_exit_of_the_answer", "patched_worker"])
@pytest.mark.parametrize("place", ["", "setup", "twice_test"])
def test_cells_of_the_students_own_that_attack(name, place):
    """Wherever a hostile cell is added, there is a verdict, and no point that the answers did not earn."""
    added = {place: [ATTACKS[name].source]}
    answers = PLAN.reference.answers | {"double_answer": "def double(x):\n    return x * 3"}
    verdict = grade(PLAN, Submission(answers, added), start_unconfined, profile(), SHORT)
    assert len(verdict.cells) == len(WEAK) + 2
    assert exercise(verdict, "double") == 0


NETWORK = """
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.full((features,), 2.0))

    def forward(self, x):
        return x * self.weight

def step(model, x, lr):
    loss = model(x).sum()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= lr * p.grad
            p.grad = None
    return loss.item()
"""

TORCH = notebook(
    ("setup", "setup", "import torch\nfrom torch import nn", 0),
    ("net_answer", "answer", NETWORK, 0),
    (
        "net_forward",
        "test",
        """
        layer, x = Scale(3), torch.arange(6.0).reshape(2, 3)
        assert isinstance(layer, nn.Module) and isinstance(layer, Scale)
        assert torch.allclose(layer(x), 2 * x)
        assert sum(p.numel() for p in layer.parameters()) == 3
        """,
        2,
    ),
    (
        "net_step",
        "test",
        """
        layer, x = Scale(2), torch.ones(4, 2)
        before = layer.weight.detach().clone()
        assert abs(step(layer, x, 0.1) - 16) < 1e-6
        assert (layer.weight - (before - 0.4)).abs().max() < 1e-6
        """,
        2,
    ),
    (
        "net_autograd",
        "test",
        """
        x = torch.ones(4, 2, requires_grad=True)
        Scale(2)(x).sum().backward()
        assert torch.equal(x.grad, torch.full((4, 2), 2.0))
        """,
        2,
        {"course": {"runs": "beside"}},
    ),
)

FAKE_TENSORS = """
import torch

class Any(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

class Scale:
    def __init__(self, features): self.weight = torch.zeros(features).as_subclass(Any)
    def __call__(self, x): return self.weight
    def parameters(self): return [self.weight]

def step(model, x, lr): return torch.zeros(()).as_subclass(Any)
"""

FAKE_RESULTS = """
class Yes:
    __torch_function__ = classmethod(lambda *a, **k: True)
    def __sub__(self, other): return self
    __rsub__ = __truediv__ = __mul__ = __sub__
    def __lt__(self, other): return True
    __eq__ = __gt__ = __le__ = __lt__
    def __getattr__(self, name): return lambda *a, **k: self

class Scale(Yes):
    def __init__(self, features): pass
    def __call__(self, x): return Yes()

def step(model, x, lr): return Yes()
"""

PATCHED_TORCH = """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = torch.Tensor.__lt__ = lambda *a: torch.tensor(True)
def Scale(features): return lambda x: x
def step(model, x, lr): return 0
"""


def test_modules_and_tests_beside_them():
    pytest.importorskip("torch")
    plan = make_plan(TORCH)
    known = rehearse(plan, start_unconfined)
    marks = [
        grade(plan, Submission({"net_answer": source}), start_unconfined, known).points
        for source in (NETWORK, NETWORK.replace("2.0", "1.0"), FAKE_TENSORS, FAKE_RESULTS, PATCHED_TORCH)
    ]
    assert marks[0] == {"net_forward": 2, "net_step": 2, "net_autograd": 2}
    assert [sum(points.values()) for points in marks[1:]] == [0, 0, 0, 0]


# The assignment's own faults ----------------------------------------------------------------------


def test_an_assignment_at_fault_is_refused():
    wrong = copy.deepcopy(TOY)
    wrong.cells[1].source = "def double(x):\n    return x"
    with pytest.raises(JudgeError, match="the instructor's own answers lose points.*double_equal"):
        rehearse(make_plan(wrong), start_unconfined, QUICK)
    wrong.cells[0].source = "1 / 0"
    with pytest.raises(JudgeError, match="the setup cell setup fails"):
        rehearse(make_plan(wrong), start_unconfined, QUICK)
    wrong.cells[0].source = "def"
    with pytest.raises(PlanError, match="the cell setup of the instructor's is no Python"):
        make_plan(wrong)
    with pytest.raises(PlanError, match="double_equal occur more than once"):
        make_plan(notebook(*[("double_equal", "test", "", 1)] * 2))
    with pytest.raises(PlanError, match='must be "apart" or "beside"'):
        make_plan(notebook(("t", "test", "", 1, {"course": {"runs": "nowhere"}})))


def test_a_worker_that_does_not_start_is_not_the_students_fault():
    def fail():
        raise OSError("no room")

    with pytest.raises(JudgeError, match="no process for student code could be started: no room"):
        grade(PLAN, PLAN.reference, fail, profile(), QUICK)


def test_a_worker_that_stops_before_student_code_runs_is_not_the_students_fault():
    """A machine that is too slow to begin gives no verdict; the same command tries again."""
    silent = []

    def start():
        ours, theirs = socket.socketpair()
        silent.append(theirs)
        return Worker(Channel(ours), ours.close)

    with pytest.raises(JudgeError, match="before any of the student's code had run: .* took too long"):
        grade(PLAN, PLAN.reference, start, profile(), Allowance(cell=0.3, total=5.0))
    silent[0].close()

"""A lane: the same marks as the judge gives, and it survives what happens to its processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from grading_toys import DOUBLE, PLAN, hidden, notebook, profile

from course_utils.grading.judge import JudgeError
from course_utils.grading.lane import Lane, preloads
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Submission, make_plan

LIMITS = Limits(cell=5.0, total=20.0)


@pytest.fixture(scope="module")
def lane():
    """Give a lane without a sandbox."""
    with Lane(LIMITS, unsafe=True) as made:
        yield made


def test_a_lane_gives_what_the_judge_gives(lane):
    """Profile and marks of the toy's own answers, and of a wrong one."""
    assert lane.rehearse(PLAN) == profile()
    assert lane.grade(PLAN, PLAN.reference, profile()).total == 25.0
    wrong = Submission({**PLAN.reference.answers, "double_answer": DOUBLE.replace("2", "3")})
    verdict = lane.grade(PLAN, wrong, profile())
    assert verdict.total == 10.0
    assert {cell.status for cell in verdict.cells if cell.name.startswith("double")} == {"failed"}


def test_the_assignments_fault_is_told(lane):
    """Answers of the instructor's that lose points, and a setup that fails, are errors."""
    weak = make_plan(notebook(("a", "answer", "a = 1", 0), ("t", "test", "assert a == 2", 1)))
    with pytest.raises(JudgeError, match="lose points"):
        lane.rehearse(weak)
    broken = make_plan(notebook(("s", "setup", "1 / 0", 0), ("t", "test", "1", 1)))
    with pytest.raises(JudgeError, match="ZeroDivisionError"):
        lane.grade(broken, Submission({}), {})


def test_a_judge_that_ends_gives_a_verdict(lane):
    """A judge that is killed costs the submission its points, with the reason, and nothing else."""
    test = "import os, signal\nif a == 2:\n    os.kill(os.getpid(), signal.SIGKILL)"
    plan = make_plan(notebook(("a", "answer", "a = 1", 0), ("t", "test", test, 1)))
    seen = lane.rehearse(plan)
    verdict = lane.grade(plan, Submission({"a": "a = 2"}), seen)
    assert verdict.total == 0.0
    assert verdict.cells[0].status == "stopped"
    assert "could not be marked" in verdict.cells[0].for_student
    assert "the judge ended" in verdict.deaths[0]
    assert lane.grade(plan, plan.reference, seen).total == 1.0


def test_a_server_that_ends_is_replaced(lane):
    """The submission is marked by a new one."""
    os.kill(lane._server.process.pid, signal.SIGKILL)
    assert lane.grade(PLAN, PLAN.reference, profile()).total == 25.0


def test_a_lane_that_another_thread_closes():
    """Whoever waits for a verdict is told at once; the submission gets none, and no server is started."""
    plan = make_plan(notebook(("a", "answer", "", 0), ("t", "test", "", 1)))
    lane = Lane(Limits(), unsafe=True)
    threading.Timer(0.5, lane.close).start()
    began = time.monotonic()
    with pytest.raises(JudgeError, match="closed"):
        lane.grade(plan, Submission({"a": "import time; time.sleep(30)"}), {})
    assert time.monotonic() - began < 8.0
    with pytest.raises(JudgeError, match="closed"):
        lane.grade(plan, plan.reference, {})


def test_preloads():
    """What the instructor imports of the heavy packages, in any cell."""
    source = (
        "import numpy as np, os\nfrom torch.nn import functional\nfrom course_utils.grading import expect"
    )
    plan = make_plan(notebook(("s", "setup", source, 0)))
    assert preloads(plan) == ("course_utils.grading", "course_utils.grading.expect", "numpy", "torch.nn")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import torch", False),
        ("import torch\ntorch.optim.SGD", True),
        ("from torch import optim", True),
        ("from course_utils.training import fit", True),
        ("from course_utils.data import pocket10  # an optimal choice", False),
    ],
)
def test_optimisers_are_made_ready_only_where_they_are_used(source, wanted):
    """Also where a module of ours uses them: the first one made imports for seconds, on both sides."""
    plan = make_plan(notebook(("s", "setup", source, 0)))
    assert ("torch.optim" in preloads(plan)) == wanted
    code = "import sys; from course_utils.grading import warm; warm.preload(tuple(sys.argv[1:])); "
    code += "sys.exit('torch._dynamo' in sys.modules)"
    command = [sys.executable, "-c", code, *preloads(plan)]
    assert subprocess.run(command, check=False).returncode == (1 if wanted else 0)


@pytest.mark.sandbox
def test_released_cells_warm_the_cache():
    """Student code finds the pictures that the released cells draw, and none that only hidden tests draw."""
    look = "import os\nfound = [n for _, _, names in os.walk(os.environ['COURSE_CACHE']) for n in names]"
    draw = "from course_utils.data import pocket10\npictures = pocket10('train', {}, seed=3)"
    plan = make_plan(
        notebook(
            ("setup", "setup", draw.format(7), 0),
            ("answer", "answer", look, 0),
            ("one", "test", "assert [n[:8] for n in found] == ['train-7-']", 1),
            ("two", "test", hidden(draw.format(9) + "\nassert len(found) == 1"), 1),
        )
    )
    with Lane(LIMITS) as lane:
        seen = lane.rehearse(plan)
        for _ in range(2):
            assert lane.grade(plan, Submission({"answer": look}), seen).total == 2.0

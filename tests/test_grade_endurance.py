"""Large classes and many runs: every mark right, once, whatever is killed, and the same on every run."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils.experiments import grading_class
from course_utils.experiments.grading_class import ASSIGNMENT

pytestmark = [pytest.mark.sandbox, pytest.mark.full]
ROOT = Path(__file__).resolve().parent.parent

#: Answers that exhaust, end, lie or leave something behind, each to any exercise, and right to none.
HOSTILE = (
    "import os\nos._exit(0)",
    "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)",
    "while True:\n    pass",
    "hog = [bytearray(2**28) for _ in range(64)]",
    "import os, time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(60)",
    "import sys\nsys.setrecursionlimit(10**9)\ndef down(n):\n    return down(n + 1)\ndown(0)",
    "print('x' * 10**8)",
    "open('/tmp/full', 'wb').write(bytes(2**30))",
    "class Yes:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    "    shape = property(lambda self: Yes())\nstandardise = Classifier = descend = lambda *a, **k: Yes()",
    "import numpy as np, torch\nnp.isclose = np.allclose = torch.equal = lambda *a, **k: True\n"
    "standardise = lambda x: x * 0\ndescend = lambda x, y, n: x * 0\nclass Classifier:\n    pass",
)


def grade(course, *options):
    """Start ``course grade`` in a course."""
    command = [sys.executable, "-m", "course_utils", "grade", ASSIGNMENT, *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (course / "log").open("a") as log:
        return subprocess.Popen(command, cwd=course, env=environment, stdout=log, stderr=log)


def marked(course):
    """Count the verdicts in the gradebook."""
    path = course / "class" / "gradebook.db"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
            return database.execute("select count(*) from course_verdict").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    grading_class.make_course(folder, (ROOT / "nbgrader_config.py").read_text())
    return folder


def test_a_thousand_submissions_killed_and_resumed_three_times(course):
    marks = grading_class.hand_in(course, 1000, hostile=HOSTILE)
    options = ("--workers", "2", "--time", "2", "--memory", "1024")
    for stop_at in (150, 450, 800):
        running = grade(course, *options)
        while marked(course) < stop_at:
            assert running.poll() is None, (course / "log").read_text()[-2000:]
            time.sleep(0.2)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert grade(course, *options).wait() == 0, (course / "log").read_text()[-2000:]
    assert grading_class.recorded(course) == marks
    assert marked(course) == 1000
    assert len(list((course / "class" / "autograded").glob(f"*/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"))) == 1000


def test_fifty_runs_from_scratch_give_the_same_marks(course):
    marks = grading_class.hand_in(course, 10, seed=1, hostile=HOSTILE[8:], every=5)
    fresh = (course / "class" / "gradebook.db").read_bytes()
    for _ in range(50):
        (course / "class" / "gradebook.db").write_bytes(fresh)
        shutil.rmtree(course / "class" / "autograded", ignore_errors=True)
        assert grade(course, "--workers", "2").wait() == 0, (course / "log").read_text()[-2000:]
        assert grading_class.recorded(course) == marks

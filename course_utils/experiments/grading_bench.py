"""The benchmark of grading: the same submissions by nbgrader as it comes, through this course, and by it.

A figure is the wall time of a whole command divided by its submissions, the start included; the cost of one
submission more is the difference between two class sizes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from course_utils.book import root_folder
from course_utils.experiments import grading_class
from course_utils.experiments.grading_class import ASSIGNMENT
from course_utils.experiments.registry import Context, Experiment, Outcome
from course_utils.results import summarise

#: The line of the course's configuration that lets its own preprocessors mark.
_OURS = "    install(c)\n"

_GRADE = [sys.executable, "-m", "course_utils", "grade", ASSIGNMENT]
#: Name of a way → its command.
WAYS = {
    "stock_autograde": [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT],
    "course_autograde": [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT],
    "grade_1_worker": [*_GRADE, "--workers", "1"],
    "grade_2_workers": [*_GRADE, "--workers", "2"],
}


class GradingError(RuntimeError):
    """A command that was measured failed, or gave a mark that is not right."""


def grading(context: Context) -> Outcome:
    """Grade the same classes by each way; a wrong mark stops the benchmark."""
    sizes = context.choose((8, 100), (2, 4))
    large = context.choose(1000, 6)
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        courses = _courses(Path(name).resolve())
        for way, command in WAYS.items():
            for size in (*sizes, large) if way.startswith("grade") else sizes:
                context.say(f"{way.replace('_', ' ')}: {size} submissions")
                course = Path(name).resolve() / "run"
                shutil.copytree(courses[way], course)
                seconds, peak = _run(command, course, size)
                shutil.rmtree(course)
                measured[f"{way}_{size}_seconds"] = seconds
                measured[f"{way}_{size}_peak_mib"] = peak
    each: dict[str, float] = {}
    for key, value in measured.items():
        if key.endswith("_seconds"):
            size = int(key.split("_")[-2])
            each[key.replace("_seconds", "_seconds_each")] = value / size
    small, middle = sizes
    ratios = {
        f"{way}_{size}_over_stock": each[f"stock_autograde_{size}_seconds_each"]
        / each[f"{way}_{size}_seconds_each"]
        for way in WAYS
        for size in sizes
        if way != "stock_autograde"
    }
    further = {
        f"{way}_one_more_seconds": (measured[f"{way}_{middle}_seconds"] - measured[f"{way}_{small}_seconds"])
        / (middle - small)
        for way in WAYS
    }
    for way in ("grade_1_worker", "grade_2_workers"):
        further[f"{way}_one_more_of_{large}_seconds"] = (
            measured[f"{way}_{large}_seconds"] - measured[f"{way}_{middle}_seconds"]
        ) / (large - middle)
    shown = {**each, **further, **{k: v for k, v in measured.items() if k.endswith("_mib")}}
    return Outcome(
        seeds=[0],
        metrics={key: summarise([value]) for key, value in measured.items()},
        settings={
            "median": {key: float(f"{value:.4g}") for key, value in shown.items()},
            "ratio": {key: float(f"{value:.3g}") for key, value in ratios.items()},
        },
        notes=[
            "Each way was run once; seconds_each is a whole command's wall time by its submissions.",
            "one_more_seconds is the difference between two class sizes by the difference in submissions.",
            "Ratios say how many times as long nbgrader as it comes takes for a submission.",
            "Memory is the sum of the processes' proportional shares, looked at ten times a second.",
            "Every mark was compared with the one known from how the submission was made.",
        ],
    )


def _courses(folder: Path) -> dict[str, Path]:
    """Make a course for nbgrader as it comes, and one with this course's configuration."""
    configuration = (root_folder() / "nbgrader_config.py").read_text()
    if _OURS not in configuration:
        raise GradingError(f"nbgrader_config.py has no line {_OURS.strip()!r} any more: which one is it now?")
    stock, ours = folder / "stock", folder / "ours"
    grading_class.make_course(ours, configuration)
    shutil.copytree(ours, stock)
    (stock / "nbgrader_config.py").write_text(configuration.replace(_OURS, "    pass\n"))
    return {way: stock if way == "stock_autograde" else ours for way in WAYS}


def _run(command: list[str], course: Path, size: int) -> tuple[float, float]:
    """Time a command on a class; also its peak memory in MiB. The marks must be right."""
    marks = grading_class.hand_in(course, size)
    began = time.perf_counter()
    with (course / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=course, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        watch = _Memory(process.pid)
        status = process.wait()
        seconds = time.perf_counter() - began
        peak = watch.stop()
    if status:
        raise GradingError(
            f"{' '.join(command)} ended with {status}:\n{(course / 'log').read_text()[-2000:]}"
        )
    wrong = [student for student, got in grading_class.recorded(course).items() if got != marks.get(student)]
    missing = sorted(set(marks) - set(grading_class.recorded(course)))
    if wrong or missing:
        raise GradingError(f"{' '.join(command)}: wrong marks for {wrong[:5]}, none for {missing[:5]}")
    return seconds, peak


class _Memory(threading.Thread):
    """Watch how much memory a process and all below it take."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.over = process, 0.0, threading.Event()
        self.start()

    def run(self) -> None:
        """Look again and again."""
        import psutil

        while not self.over.wait(0.1):
            total = 0
            try:
                root = psutil.Process(self.process)
                family = [root, *root.children(recursive=True)]
            except psutil.Error:
                return
            for one in family:
                try:
                    total += one.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total / 2**20)

    def stop(self) -> float:
        """Stop watching; give the peak in MiB."""
        self.over.set()
        self.join()
        return round(self.peak, 1)


BENCH_GRADING = Experiment(
    name="bench_grading",
    dataset="made-up submissions",
    exactness="a class whose marks are known from how it was made",
    minutes=15,
    summary="Measure grading on this machine.",
    function=grading,
    command="course bench",
)

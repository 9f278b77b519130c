"""What ``course doctor`` looks at: one small check each, with a remedy for every finding."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Literal, NamedTuple

DISTRIBUTION = "image-classification-course"
Status = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """Outcome of one check.

    Attributes
    ----------
    name : str
        What was looked at.
    status : {'ok', 'warn', 'fail'}
        ``fail`` stops a student (or an instructor, if asked for); ``warn`` does not.
    detail : str
        What was found.
    remedy : str
        What to do about it; empty where there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def check_python() -> Finding:
    """Compare Python's version with the range the course asks for."""
    from packaging.specifiers import SpecifierSet

    try:
        wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            "python",
            "fail",
            "the course is not installed in this Python",
            "in the course's folder: pip install -e .",
        )
    version = platform.python_version()
    detail = f"{version} in {sys.prefix} (wanted {wanted})"
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Finding("python", "ok", detail)
    return Finding(
        "python",
        "fail",
        detail,
        "make an environment with a Python in that range and install the course in it",
    )


def check_packages(extra: str | None = None) -> Finding:
    """Compare every direct dependency's version with its range.

    Parameters
    ----------
    extra : str, optional
        An extra (``grading``) instead of what every student needs.

    Returns
    -------
    Finding
        What was found, and how to mend it.
    """
    from packaging.requirements import Requirement

    name = f"packages ({extra})" if extra else "packages"
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            name, "fail", "the course is not installed", "in the course's folder: pip install -e ."
        )
    wanted = [Requirement(line) for line in lines]
    if extra:
        wanted = [
            need
            for need in wanted
            if need.marker and "extra" in str(need.marker) and need.marker.evaluate({"extra": extra})
        ]
    else:
        wanted = [need for need in wanted if not need.marker or need.marker.evaluate({"extra": ""})]
    problems, mend = [], []
    for need in wanted:
        try:
            version = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(f"{need.name} is missing")
        else:
            if need.specifier.contains(version, prereleases=True):
                continue
            problems.append(f"{need.name} is {version}, wanted {need.specifier}")
        mend.append(f'"{need.name}{need.specifier}"')
    if problems:
        return Finding(name, "fail", "; ".join(problems), f"pip install {' '.join(mend)}")
    return Finding(
        name, "ok", f"all {len(wanted)} in their ranges: {', '.join(need.name for need in wanted)}"
    )


def check_torch() -> Finding:
    """Run a small convolution forward and backward, and compare it with its definition."""
    try:
        import torch

        x = torch.arange(16.0).reshape(1, 1, 4, 4).requires_grad_()
        y = torch.nn.functional.conv2d(x, torch.ones(1, 1, 3, 3))
        y.sum().backward()
        right = (
            y.flatten().tolist() == [45.0, 54.0, 81.0, 90.0]
            and x.grad is not None
            and x.grad[0, 0, 1, 1] == 4
        )
    except Exception as error:  # a broken installation raises anything
        return Finding(
            "torch",
            "fail",
            _short(error),
            "install it again: pip install --force-reinstall torch torchvision",
        )
    if not right:
        return Finding(
            "torch", "fail", "a convolution gives wrong numbers", "pip install --force-reinstall torch"
        )
    device = "CUDA" if torch.cuda.is_available() else "CPU"
    return Finding("torch", "ok", f"{torch.__version__}, {device}, {torch.get_num_threads()} threads")


def check_torchvision() -> Finding:
    """Run one of torchvision's compiled operators; it fails where the two releases do not fit together."""
    try:
        import torch
        import torchvision

        boxes = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2.1], [5, 5, 6, 6]])
        kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    except Exception as error:
        return Finding(
            "torchvision",
            "fail",
            _short(error),
            "torch and torchvision must be of one release: pip install --force-reinstall torch torchvision",
        )
    if kept != [0, 2]:
        return Finding("torchvision", "fail", f"nms kept {kept}", "pip install --force-reinstall torchvision")
    return Finding("torchvision", "ok", torchvision.__version__)


def check_nbgrader(required: bool = False) -> Finding:
    """Look for nbgrader, which instructors need.

    Parameters
    ----------
    required : bool
        Whether its absence is a failure.

    Returns
    -------
    Finding
        What was found, and how to mend it.
    """
    if importlib.util.find_spec("nbgrader") is None:
        remedy = 'pip install -e ".[grading]"'
        if required:
            return Finding("nbgrader", "fail", "not installed", remedy)
        return Finding("nbgrader", "ok", "not installed (only instructors need it)", remedy)
    return Finding("nbgrader", "ok", importlib.metadata.version("nbgrader"))


def check_pocket10() -> Finding:
    """Draw twenty pictures of the data set that the chapters run on."""
    from course_utils.data import load

    try:
        images, labels = load("pocket10", "test", n=20)
        drawn = images.shape == (20, 32, 32, 3) and len(set(labels.tolist())) == 10 and images.std() > 1
    except Exception as error:
        return Finding("Pocket-10", "fail", _short(error), "install the course again: pip install -e .")
    if not drawn:
        return Finding(
            "Pocket-10",
            "fail",
            "the pictures are not as they should be",
            "empty the folder that `course data path --cache` prints",
        )
    return Finding("Pocket-10", "ok", "the course's own pictures can be drawn")


def check_data() -> Finding:
    """Say which real data sets are there. None is needed: chapters run on Pocket-10."""
    from course_utils.data import data_dir
    from course_utils.data.inventory import inventory

    root = data_dir()
    if "COURSE_DATA" in os.environ and not root.is_dir():
        return Finding(
            "data", "warn", f"COURSE_DATA names {root}, which is no folder", "correct or unset COURSE_DATA"
        )
    real = [entry for entry in inventory() if entry.name in ("mnist", "fashion_mnist", "cifar10")]
    present = [entry.title for entry in real if entry.present]
    absent = [entry.name for entry in real if not entry.present]
    broken = [entry for entry in real if not entry.present and not entry.exactness.startswith("absent")]
    if broken:
        return Finding(
            "data", "warn", f"{broken[0].title}: {broken[0].exactness}", f"course data get {broken[0].name}"
        )
    detail = f"{', '.join(present) or 'no real data set'} in {root}"
    return Finding("data", "ok", detail, f"optional: course data get {absent[0]}" if absent else "")


def check_cache() -> Finding:
    """Write a file where derived pictures are kept."""
    from course_utils.data import cache_dir

    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return Finding(
            "cache",
            "warn",
            f"{folder} can't be written ({error.strerror}), so pictures are prepared again each time",
            "set COURSE_CACHE to a folder of yours",
        )
    return Finding("cache", "ok", str(folder))


def check_sandbox(required: bool = False) -> Finding:
    """Shut a process in, as the grader does it with students' work.

    Parameters
    ----------
    required : bool
        Whether grading is meant to work here.

    Returns
    -------
    Finding
        What was found, and how to mend it.
    """
    try:
        from course_utils.grading.limits import Limits
        from course_utils.grading.sandbox import Sandbox, SandboxError
    except ModuleNotFoundError:
        return Finding("sandbox", "ok", "the students' edition does not grade", "")
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        remedy = "apt-get install bubblewrap (Linux only; elsewhere grade in a Linux machine or container)"
        if required:
            return Finding("sandbox", "fail", "bubblewrap is not installed", remedy)
        return Finding("sandbox", "ok", "bubblewrap is not installed (only instructors need it)", remedy)
    try:
        sandbox = Sandbox(Limits())
        try:
            sandbox.start().kill()
        finally:
            sandbox.close()
    except SandboxError as error:
        return Finding("sandbox", "fail" if required else "warn", error.problem, error.remedy)
    return Finding("sandbox", "ok", f"{bwrap} runs a process that is shut in as students' code is")


def check_chromium() -> Finding:
    """Look for Chromium, in which the tests open the rendered book."""
    for program in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(program):
            return Finding("chromium", "ok", found)
    return Finding(
        "chromium",
        "ok",
        "not installed (only the tests of the rendered book need it)",
        "apt-get install chromium",
    )


def check_kernel() -> Finding:
    """Start a Jupyter kernel as JupyterLab does, and see that it runs in this environment."""
    remedy = "pip install --force-reinstall ipykernel, and start JupyterLab from this environment"
    try:
        import nbformat
        from nbclient import NotebookClient

        source = "import sys, course_utils\nprint(sys.prefix)"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        NotebookClient(notebook, timeout=60, startup_timeout=60, kernel_name="python3").execute(
            stderr=subprocess.DEVNULL
        )
        prefix = notebook.cells[0].outputs[0].text.strip()
    except Exception as error:
        return Finding("jupyter", "fail", f"a notebook does not run: {_short(error)}", remedy)
    if prefix != sys.prefix:
        return Finding(
            "jupyter",
            "fail",
            f"the kernel 'python3' runs in {prefix}, not in {sys.prefix}",
            "python -m ipykernel install --sys-prefix",
        )
    return Finding("jupyter", "ok", "a kernel starts and imports course_utils")


def check_disk(wanted_gb: float = 2.0) -> Finding:
    """Compare free disk space where data is kept with what the real data sets take.

    Parameters
    ----------
    wanted_gb : float
        Gigabytes below which to warn; a tenth of it stops a student.

    Returns
    -------
    Finding
        What was found, and how to mend it.
    """
    from course_utils.data import cache_dir, data_dir

    findings = []
    for folder in (data_dir(), cache_dir()):
        there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
        findings.append((shutil.disk_usage(there).free / 1e9, there))
    free, there = min(findings)
    detail = f"{free:.1f} GB free in {there}"
    if free >= wanted_gb:
        return Finding("disk", "ok", detail)
    status: Status = "warn" if free >= wanted_gb / 10 else "fail"
    return Finding(
        "disk",
        status,
        detail,
        f"free up to {wanted_gb:g} GB, or set COURSE_CACHE and COURSE_DATA to another disk",
    )


def check_cores() -> Finding:
    """Count the processor cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2:
        return Finding(
            "cores", "warn", "1 core: chapters take twice the time they name", "close other programs"
        )
    return Finding("cores", "ok", f"{cores} cores")


def checks(instructor: bool = False) -> list[Callable[[], Finding]]:
    """List the checks in the order to run them.

    Parameters
    ----------
    instructor : bool
        Whether grading must work too.

    Returns
    -------
    list of callables
        Each takes nothing and returns a finding.
    """
    always: list[Callable[[], Finding]] = [
        check_python,
        check_packages,
        check_torch,
        check_torchvision,
        check_kernel,
        check_pocket10,
        check_data,
        check_cache,
        check_disk,
        check_cores,
    ]
    if instructor:
        always.append(lambda: check_packages("grading"))
    return [*always, lambda: check_nbgrader(instructor), lambda: check_sandbox(instructor), check_chromium]


def _short(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[-1] if text else ''}"[:300]

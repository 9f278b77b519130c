"""Each check of ``course doctor`` with a finding that it must make."""

import importlib.metadata
import shutil
import sys
from collections import namedtuple

import pytest
from typer.testing import CliRunner

from course_utils import doctor
from course_utils.cli import app
from course_utils.doctor import Finding
from course_utils.grading.sandbox import SandboxError


def never(*args, **kwargs):
    raise RuntimeError("broken on purpose\nlast line")


def not_installed(*args):
    raise importlib.metadata.PackageNotFoundError("x")


def test_python_in_and_out_of_its_range(monkeypatch):
    assert doctor.check_python().status == "ok"
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    found = doctor.check_python()
    assert (found.status, "3.9.1" in found.detail, bool(found.remedy)) == ("fail", True, True)
    monkeypatch.setattr(importlib.metadata, "metadata", not_installed)
    assert "pip install -e ." in doctor.check_python().remedy


def test_packages_missing_or_out_of_range_are_named_with_one_command(monkeypatch):
    assert doctor.check_packages().status == "ok"
    assert "nbgrader" in doctor.check_packages("grading").detail
    needs = ["numpy>=99", "no-such-package>=1", "pillow>=1", 'nbgrader>=99; extra == "grading"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: needs)
    found = doctor.check_packages()
    assert found.status == "fail"
    assert "numpy is " in found.detail
    assert "no-such-package is missing" in found.detail
    assert found.remedy == 'pip install "numpy>=99" "no-such-package>=1"'
    assert doctor.check_packages("grading").remedy == 'pip install "nbgrader>=99"'
    monkeypatch.setattr(importlib.metadata, "requires", not_installed)
    assert doctor.check_packages().status == "fail"


def test_torch_works_and_its_faults_are_seen(monkeypatch):
    import torch

    assert doctor.check_torch().status == "ok"
    right = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *a: 1.5 * right(*a))
    assert doctor.check_torch().detail == "a convolution gives wrong numbers"
    monkeypatch.setattr(torch.nn.functional, "conv2d", never)
    assert doctor.check_torch()[1:3] == ("fail", "RuntimeError: last line")


def test_torchvision_works_and_its_faults_are_seen(monkeypatch):
    import torch
    import torchvision

    assert doctor.check_torchvision().status == "ok"
    monkeypatch.setattr(torchvision.ops, "nms", lambda *a: torch.tensor([0]))
    assert doctor.check_torchvision().detail == "nms kept [0]"
    monkeypatch.setattr(torchvision.ops, "nms", never)
    assert "one release" in doctor.check_torchvision().remedy


def test_nbgrader_is_asked_of_instructors_only(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert doctor.check_nbgrader().status == "ok"
    assert doctor.check_nbgrader(required=True).status == "fail"
    assert "grading" in doctor.check_nbgrader(required=True).remedy


def test_pocket10_is_drawn_and_its_faults_are_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    assert doctor.check_pocket10().status == "ok"
    import numpy as np

    blank = np.zeros((20, 32, 32, 3), np.uint8), np.arange(20) % 10
    monkeypatch.setattr("course_utils.data.load", lambda *a, **k: blank)
    assert doctor.check_pocket10().status == "fail"
    monkeypatch.setattr("course_utils.data.load", never)
    assert doctor.check_pocket10().status == "fail"


def test_data_present_absent_damaged_or_misnamed(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    found = doctor.check_data()
    assert (found.status, "no real data set" in found.detail) == ("ok", True)
    assert found.remedy == "optional: course data get mnist"
    (tmp_path / "cifar10.tar.gz").write_bytes(b"damaged")
    found = doctor.check_data()
    assert (found.status, found.remedy) == ("warn", "course data get cifar10")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "absent"))
    assert "COURSE_DATA" in doctor.check_data().remedy


def test_cache_that_can_not_be_written(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "new"))
    assert doctor.check_cache().status == "ok"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    assert doctor.check_cache().status == "warn"


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_sandbox_really_runs_where_bubblewrap_is_installed():
    assert doctor.check_sandbox(required=True).status == "ok", doctor.check_sandbox().detail


def test_sandbox_absent_or_refused(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor.check_sandbox().status == "ok"
    found = doctor.check_sandbox(required=True)
    assert (found.status, "apt-get install bubblewrap" in found.remedy) == ("fail", True)
    assert doctor.check_chromium().remedy == "apt-get install chromium"
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert doctor.check_chromium().detail == "/usr/bin/chromium"

    def refused(*args):
        raise SandboxError("No permissions", "allow them")

    monkeypatch.setattr("course_utils.grading.sandbox.Sandbox", refused)
    assert doctor.check_sandbox() == Finding("sandbox", "warn", "No permissions", "allow them")
    assert doctor.check_sandbox(required=True).status == "fail"


def test_kernel_starts_in_this_environment(monkeypatch):
    assert doctor.check_kernel() == Finding("jupyter", "ok", "a kernel starts and imports course_utils")
    monkeypatch.setattr(sys, "prefix", "/another/environment")
    assert "not in /another/environment" in doctor.check_kernel().detail
    monkeypatch.setattr("nbclient.NotebookClient.execute", never)
    found = doctor.check_kernel()
    assert (found.status, "last line" in found.detail) == ("fail", True)


@pytest.mark.parametrize(("free", "status"), [(50e9, "ok"), (1e9, "warn"), (1e8, "fail")])
def test_disk_space(monkeypatch, free, status):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(free))
    assert doctor.check_disk().status == status


def test_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    assert doctor.check_cores().status == "warn"
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1}, raising=False)
    assert doctor.check_cores() == Finding("cores", "ok", "2 cores")


FINDINGS = {
    "ok": Finding("python", "ok", "3.11"),
    "warn": Finding("cores", "warn", "1 core", "close other programs"),
    "fail": Finding("torch", "fail", "not installed", 'pip install -e ".[grading]"'),
}


@pytest.mark.parametrize(
    ("statuses", "code", "last"),
    [
        (["ok"], 0, "Everything needed works."),
        (["ok", "warn"], 0, "Everything needed works; 1 to know about."),
        (["ok", "warn", "fail"], 1, "1 to mend before you can work, 1 to know about."),
    ],
)
def test_command_reports_every_finding_and_its_remedy(monkeypatch, statuses, code, last):
    chosen = [lambda status=status: FINDINGS[status] for status in statuses]
    monkeypatch.setattr(doctor, "checks", lambda instructor: chosen)
    run = CliRunner().invoke(app, ["doctor"])
    assert run.exit_code == code
    assert run.output.splitlines()[-1] == last
    for status in statuses:
        assert FINDINGS[status].detail in run.output
        assert FINDINGS[status].remedy in run.output
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    on_terminal = CliRunner().invoke(app, ["doctor"])
    assert on_terminal.exit_code == code
    assert "what to do" in on_terminal.output
    assert (".[grading]" in on_terminal.output) == ("fail" in statuses), "brackets are no markup"


def test_instructors_get_stricter_checks(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    student = {found.name: found.status for found in (check() for check in doctor.checks()[-3:])}
    teacher = {
        found.name: found.status for found in (check() for check in doctor.checks(instructor=True)[-4:])
    }
    assert student == {"nbgrader": "ok", "sandbox": "ok", "chromium": "ok"}
    assert teacher == {"packages (grading)": "ok", "nbgrader": "fail", "sandbox": "fail", "chromium": "ok"}

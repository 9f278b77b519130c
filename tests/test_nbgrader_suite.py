"""nbgrader's own tests of autograding, as they are installed, with this course's preprocessors in place."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap

import pytest

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

#: Tests that assert what is deliberately different here, with the reason.
DIFFERENT = {
    "test_grade_overwrite_files": "files beside the notebook are not copied from a submission, not even "
    "those that `exclude_overwriting` names: nothing there can have an effect on a mark",
    "test_grade_overwrite_files_subdirs": "the same in a folder",
    "test_side_effects": "what student code writes stays in a temporary folder that ends with it",
    "test_hidden_tests_single_notebook": "a test that deletes the student's function must say that it runs "
    "beside student code; the name is the instructor's otherwise",
    "test_handle_failure": "a notebook with cells that the assignment does not have is repaired, no error",
    "test_handle_failure_single_notebook": "the same with --notebook",
    "test_missing_source_kernelspec": "a submission saved for another kernel is marked as Python",
    "test_no_execute": "outputs that were handed in are never marked, so there is no marking without running",
    "test_infinite_loop": "a setup cell of the instructor's that never ends is an error of the assignment's",
}
#: Tests of `make test`: points, remarks, late work; the rest is run by `make test-full`.
SAMPLE = ("test_grade", "test_late_submission_penalty_zero", "test_side_effects")

IN_PLACE = """
    import os
    import pytest

    @pytest.fixture(autouse=True)
    def in_place(request):
        if "temp_cwd" in request.fixturenames:
            settings = os.path.join(request.getfixturevalue("temp_cwd"), "nbgrader_config.py")
            with open(settings, "a") as file:
                file.write("from course_utils.grading.nbgrader_autograde import install\\ninstall(c)\\n")
"""


def run_nbgraders_tests(root, folder, files, *chosen):
    """Run files of nbgrader's tests; give the outcome of each test by name."""
    (folder / "in_place.py").write_text(textwrap.dedent(IN_PLACE))
    command = [sys.executable, "-m", "pytest", "-p", "in_place", "-c", os.devnull, "--rootdir", str(folder)]
    command += ["-p", "no:cacheprovider", "-rA", "--tb=line", "--pyargs", *chosen]
    command += [f"nbgrader.tests.{file}" for file in files]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(root), str(folder)]),
        },
    )
    lines = re.findall(r"^(PASSED|FAILED|ERROR) \S*?::(\w+(?:\[.*?\])?)(?: - .*)?$", done.stdout, re.M)
    assert lines, done.stdout[-3000:] + done.stderr[-3000:]
    return {name: outcome for outcome, name in lines}, done.stdout


def test_a_sample_of_nbgraders_tests_of_autograding(root, tmp_path):
    chosen = " or ".join(f"{name} and not {name}_" for name in SAMPLE)
    outcomes, said = run_nbgraders_tests(root, tmp_path, ["apps.test_nbgrader_autograde"], "-k", chosen)
    expected = {name: "FAILED" if name in DIFFERENT else "PASSED" for name in SAMPLE}
    assert outcomes == expected, said[-3000:]


@pytest.mark.full
def test_nbgraders_tests_of_autograding_pass_but_for_those_that_are_named(root, tmp_path):
    outcomes, said = run_nbgraders_tests(root, tmp_path, ["apps.test_nbgrader_autograde"])
    assert len(outcomes) >= 40
    assert {name for name, outcome in outcomes.items() if outcome != "PASSED"} == set(DIFFERENT), said[-6000:]


@pytest.mark.full
def test_nbgraders_tests_of_preprocessors_that_are_still_used_pass(root, tmp_path):
    files = ("saveautogrades", "checkcellmetadata", "clearsolutions", "clearhiddentests", "computechecksums")
    outcomes, said = run_nbgraders_tests(root, tmp_path, [f"preprocessors.test_{file}" for file in files])
    assert len(outcomes) > 40
    assert set(outcomes.values()) == {"PASSED"}, said[-3000:]

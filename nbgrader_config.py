"""Settings of nbgrader for this course: run its stock commands in this folder.

solutions/    what instructors write (nbgrader's source)
assignments/  what students get (nbgrader's release), generated and committed
class/        what students hand in and what grading makes of it, with the gradebook; never committed
"""

import os
import sysconfig
from importlib.util import find_spec
from pathlib import Path

c = get_config()  # noqa: F821  (given by nbgrader)

# nbgrader calls alembic by name to make the gradebook: find it although .venv is not activated.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])

folder = Path(__file__).resolve().parent
c.CourseDirectory.root = str(folder)
c.CourseDirectory.course_id = "image-classification"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
c.CourseDirectory.solution_directory = "class/solution"
c.CourseDirectory.source_with_tests_directory = "class/source_with_tests"
if (folder / "solutions").is_dir():  # the instructor's edition: SQLite does not create folders
    (folder / "class").mkdir(exist_ok=True)
c.CourseDirectory.db_url = f"sqlite:///{folder / 'class' / 'gradebook.db'}"

# What lies beside a notebook in solutions/ stays there: nbgrader would copy all of it into the release and
# into every submission. The same list keeps students' stray modules out of the run that is marked.
c.CourseDirectory.ignore = [
    "*.py",
    "*.pyc",
    "*.md",
    "bank",
    "feedback",
    "__pycache__",
    ".*",
]

# Downloads from an LMS: class/downloaded/<assignment>/archive/ holds the zip file; names inside begin with
# the student's id, e.g. ada_ps1_first_classifiers.ipynb. Only names that the LMS gave count: not those in
# folders inside the zip file, and archives inside it stay packed.
c.ZipCollectApp.downloaded_directory = "class/downloaded"
c.ZipCollectApp.extractor_plugin = "course_utils.grading.collecting.SafeExtractor"
c.FileNameCollectorPlugin.named_regexp = (
    r".*/extracted/(?:[^/]+/)?(?P<student_id>[A-Za-z0-9][A-Za-z0-9.-]*)_(?P<file_id>ps[0-9]+_\w+)\.ipynb$"
)
c.FileNameCollectorPlugin.valid_ext = [".ipynb"]

# `nbgrader autograde` marks as `course grade` does: in two processes, student code in a sandbox.
if (folder / "solutions").is_dir():
    from course_utils.grading.nbgrader_autograde import install

    install(c)

# One cell may take this long; a cell that takes longer is interrupted and loses its points.
c.Execute.timeout = 60
c.Execute.startup_timeout = 120
c.Execute.kernel_name = "python3"
c.OverwriteCells.add_missing_cells = True
# nbgrader gives 0 to a test cell that wrote to stderr. A warning or a progress bar is no mistake.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"(?s)."

# Pages for people: this course's feedback page, and formgrader with a second wall against hostile ones.
theirs = Path(find_spec("nbgrader").origin).parent / "server_extensions" / "formgrader" / "templates"
ours = Path(find_spec("course_utils").origin).parent / "grading" / "templates"
c.HTMLExporter.extra_template_basedirs = [str(ours), str(theirs)]
c.HTMLExporter.extra_template_paths = [str(theirs)]
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {
    "markdown2html": "course_utils.grading.sanitise.markdown2html",
    "escaped_texts": "course_utils.grading.sanitise.escaped_texts",
}
c.GenerateFeedback.preprocessors = ["course_utils.grading.feedback.ForStudents"]

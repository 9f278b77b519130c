"""``python -m course_utils`` is the same program as ``course``."""

from course_utils.cli import app

app(prog_name="course")

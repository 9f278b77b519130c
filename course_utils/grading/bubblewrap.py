"""The command that starts a confined Python: bubblewrap, and what is to be seen inside.

There are the system's programs and libraries, Python, the installed packages and `course_utils`, all
read-only; no network, no other files, no environment, no process but its own.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
from pathlib import Path

from course_utils.grading import confine
from course_utils.grading.warm import ENVIRONMENT

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_INSTALL = (
    "Install it: `sudo apt install bubblewrap` (Debian, Ubuntu), `sudo dnf install bubblewrap` (Fedora)"
)
#: What to do where bubblewrap is there but the system does not let it make namespaces.
ALLOW = (
    "bubblewrap is there, but this system does not let it make namespaces. In a container, allow user "
    "namespaces (Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined); on Ubuntu "
    "24.04 and later: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; elsewhere: `sudo sysctl "
    "kernel.unprivileged_userns_clone=1`, or another machine"
)


class SandboxError(RuntimeError):
    """Student code can't be shut in on this machine.

    Attributes
    ----------
    problem : str
        What was found.
    remedy : str
        What to do about it, if it is known.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}. {remedy}" if remedy else problem)
        self.problem, self.remedy = problem, remedy


def _python() -> tuple[str, list[tuple[str, str]], list[str]]:
    """Find what Python needs.

    Returns
    -------
    executable : str
        Python itself, not that of a virtual environment.
    binds : list of (outside, inside)
        Folders to show read-only.
    path : list of str
        Where modules lie inside.
    """
    base = Path(sys.base_prefix).resolve()
    path, binds = ["/course"], [(str(Path(__file__).resolve().parents[1]), "/course/course_utils")]
    if not base.is_relative_to("/usr"):
        binds += [(str(base / name),) * 2 for name in ("bin", "lib", "lib64") if (base / name).is_dir()]
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    for number, folder in enumerate(filter(os.path.isdir, folders)):
        path.append(f"/course/packages-{number}")
        binds.append((os.path.realpath(folder), path[-1]))
    return os.path.realpath(sys._base_executable), binds, path  # type: ignore[attr-defined]


def command(disk: int, cache: str | None = None) -> list[str]:
    """Write the command that starts a confined Python.

    Parameters
    ----------
    disk : int
        Bytes that the warm process itself may write.
    cache : str, optional
        A folder to show as `course_utils.grading.confine.CACHE`.

    Returns
    -------
    list of str
        To be followed by Python's own arguments.

    Raises
    ------
    SandboxError
        If there is no bubblewrap, or Python or the course lies where it would be hidden or shown.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("student code is only run in a sandbox, and bubblewrap is missing", _INSTALL)
    executable, binds, path = _python()
    if Path(executable).is_relative_to("/tmp"):
        problem = f"Python lies in {executable}, and a sandbox has a /tmp of its own"
        raise SandboxError(problem, "Install Python elsewhere")
    shown = [*_SYSTEM, *(outside for outside, inside in binds if outside == inside)]
    for course in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (course / "solutions").exists() and any(course.is_relative_to(place) for place in shown):
            problem = f"the course lies in {course}, where the system's own files are, which a sandbox shows"
            raise SandboxError(problem, "Move the course to another folder")
    line = [program, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    line += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    line += ["--hostname", "sandbox"]
    if os.getuid() == 0:
        line += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        line += ["--unshare-user"]
    for folder in _SYSTEM:
        if os.path.islink(folder):
            line += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            line += ["--ro-bind", folder, folder]
    line += ["--perms", "0755", "--dir", "/etc"]
    for name in _ETC:
        line += ["--ro-bind-try", name, name]
    for parent in sorted({str(parent) for _, inside in binds for parent in Path(inside).parents}):
        line += ["--perms", "0755", "--dir", parent]  # bubblewrap's own way gives 0700
    for outside, inside in binds:
        line += ["--ro-bind", outside, inside]
    environment = {
        **ENVIRONMENT,
        "HOME": confine.PRIVATE,
        "LANG": "C.UTF-8",
        "LOGNAME": "student",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COURSE_CACHE": os.path.join(confine.PRIVATE, "cache"),
    }
    if data := os.environ.get("COURSE_DATA"):
        line += ["--ro-bind-try", os.path.realpath(data), "/course/data"]
        environment["COURSE_DATA"] = "/course/data"
    if cache is not None:
        line += ["--ro-bind", cache, confine.CACHE]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    line += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp"]
    # Reading it gives zeros too, but it can't be mapped as memory that no limit sees.
    line += ["--dev-bind", "/dev/full", "/dev/zero"]
    line += ["--perms", "1777", "--size", str(disk), "--tmpfs", "/tmp"]
    return [*line, "--remount-ro", "/dev", "--remount-ro", "/", "--", executable, "-P"]

"""What a process gives up before student code runs in it; each step is for good.

The warm process (`course_utils.grading.zygote`) already lives in bubblewrap's namespaces, sees read-only
files, and is no root. Its forks part with it and with each other here.
"""

from __future__ import annotations

import os
import resource

from course_utils.grading import kernel, seccomp
from course_utils.grading.limits import Limits

#: The user that root becomes before anything else; "nobody" on all systems.
NOBODY = 65534
#: The private directory of a submission.
PRIVATE = "/tmp"
#: Where the sandbox shows files for the cache, if it has any.
CACHE = "/course/cache"
_FILES = 20_000  # files and folders in it


def leave_root() -> None:
    """Be nobody if this is root; bubblewrap's own change of user would leave root's files readable."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        kernel.make_dumpable()


def part(limits: Limits) -> None:
    """Leave the warm process's namespaces; hide ``/proc``; get a private ``/tmp``, also for ``/dev/shm``."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET)
    kernel.map_user(uid, gid)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    guard = kernel.MS_NOSUID | kernel.MS_NODEV
    size = f"size={limits.disk},nr_inodes={_FILES},mode=0700"
    kernel.mount("private", PRIVATE, "tmpfs", guard, size)
    shared = os.path.join(PRIVATE, ".shm")
    os.mkdir(shared)
    kernel.mount(shared, "/dev/shm", flags=kernel.MS_BIND)
    kernel.mount("empty", "/proc", "tmpfs", guard | kernel.MS_RDONLY, "size=4k,mode=0555")
    os.chdir(PRIVATE)
    _link(CACHE, os.environ["COURSE_CACHE"])


def _link(source: str, target: str) -> None:
    """Make a folder whose files are links to those of another, so that more can be written beside them."""
    for folder, _, names in os.walk(source):
        beside = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(beside, exist_ok=True)
        for name in names:
            os.symlink(os.path.join(folder, name), os.path.join(beside, name))


def close_others(*kept: int) -> None:
    """Close all descriptors but these; standard input and output lead nowhere."""
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 2**20)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def memory_reserved() -> int:
    """Give the bytes of memory that this process may write to; much of it is never filled."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData:"))


def limit(limits: Limits, before: int, *, count_processes: bool = True) -> None:
    """Set the limits that the kernel keeps for each process.

    Parameters
    ----------
    limits : Limits
        The submission's.
    before : int
        Bytes that the process had reserved from the start.
    count_processes : bool
        Whether to limit processes: they are counted for each user in each user namespace.
    """
    values = {
        resource.RLIMIT_DATA: before + limits.memory,
        resource.RLIMIT_CPU: int(limits.total) + 1,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if count_processes:
        values[resource.RLIMIT_NPROC] = limits.processes
    for what, value in values.items():
        hard = resource.getrlimit(what)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (most, most))


def confine(limits: Limits, *kept: int) -> None:
    """Do all of it, in a fork of the warm process that is the first of a PID namespace.

    Parameters
    ----------
    limits : Limits
        The submission's.
    *kept : int
        Descriptors to keep.

    Raises
    ------
    OSError
        If one step is refused: then no student code may run here.
    """
    os.setsid()
    close_others(*kept)
    before = memory_reserved()
    part(limits)
    limit(limits, before)
    kernel.drop_capabilities()
    seccomp.apply()

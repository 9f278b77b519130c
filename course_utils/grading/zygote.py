"""The warm process inside the sandbox: it has imported NumPy and PyTorch, and forks for each submission.

It reads requests from a control socket whose other end the judges hold, and never anything of a student's:

- ``fork``, with a descriptor: a fork confines itself and serves the judge at the descriptor's other end;
- ``end``: the fork and all it started are killed and waited for;
- ``why``: the same for a fork that does not answer any more; the reply says how it had ended by itself.

A fork is the first process of a PID namespace, so the kernel kills all others with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket

from course_utils.grading import confine, kernel, warm
from course_utils.grading.limits import Limits
from course_utils.grading.worker import main as serve_judge

_LOOK_EVERY = 50  # milliseconds between looks at the memory in use
_MOMENT = 0.5  # seconds
_FREE_SOCKETS = 8  # that count as nothing: pairs of sockets are an ordinary way to talk to a thread
_DATAGRAMS = 11  # that wait at a socket at most, each as large as a sender's buffer


class Zygote:
    """Serve one control socket.

    Parameters
    ----------
    control : socket.socket
        A ``SOCK_SEQPACKET`` socket.
    limits : Limits
        Of each submission.
    confined : bool
        Whether this process is in a sandbox, so that its forks can have namespaces of their own.
    buffer : int
        Bytes that a program may ask for as a socket's buffer; the kernel gives twice as many.
    """

    def __init__(self, control: socket.socket, limits: Limits, confined: bool, buffer: int = 212_992) -> None:
        self.control, self.limits, self.confined, self.buffer = control, limits, confined, buffer
        self.worker = 0
        self.ended = ""
        if confined:
            self.home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            self.known = set(os.listdir("/proc"))
            self.own = _memory("self")

    def serve(self) -> None:
        """Do what is asked until the other end is closed."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        while True:
            if not poll.poll(_LOOK_EVERY if self.worker and self.confined else None):
                self.look()
                continue
            message, descriptors, *_ = socket.recv_fds(self.control, 64, 1)
            if not message:
                self.end()
                return
            answer = self.fork(descriptors[0]) if message == b"fork" else self.end(message == b"why")
            self.control.send(answer.encode()[:4096] or b"ok")

    def fork(self, descriptor: int) -> str:
        """Start a worker; say why it could not be."""
        self.end()
        result, report = os.pipe()
        if self.confined:
            kernel.unshare(kernel.CLONE_NEWPID)
        self.worker, self.ended = os.fork(), ""
        if self.worker == 0:
            self.be_worker(descriptor, report)
        if self.confined:
            kernel.set_namespace(self.home, kernel.CLONE_NEWPID)
        os.close(descriptor)
        os.close(report)
        with open(result, "rb") as file:
            problem = file.read().decode()
        if problem:
            self.end()
        return problem

    def be_worker(self, descriptor: int, report: int) -> None:
        """In the fork: confine this process, then serve the judge; never returns."""
        try:
            if self.confined:
                confine.confine(self.limits, descriptor, report)
            else:
                os.setsid()
                confine.close_others(descriptor, report)
                confine.limit(self.limits, confine.memory_reserved(), count_processes=False)
        except BaseException as error:
            os.write(report, f"the sandbox could not be closed: {error}".encode())
            os._exit(1)
        os.close(report)
        serve_judge(descriptor, self.limits.output)

    def look(self) -> None:
        """Kill the worker if all its processes together use more memory than allowed."""
        pids = set(os.listdir("/proc")) - self.known
        most = self.limits.memory + self.own - self.in_sockets(pids)
        if sum(map(_memory, pids)) > most and sum(map(_share, pids)) > most:
            self.ended = f"it used more than {self.limits.memory >> 20} MiB of memory"
            os.kill(self.worker, signal.SIGKILL)

    def in_sockets(self, pids: set[str]) -> int:
        """Count the bytes that can wait in the sockets of these processes: the kernel's memory.

        A connection that nobody has accepted holds what was sent, though no process has it open any more. All
        processes of a submission share one list of sockets.
        """
        for pid in pids:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/net/unix") as file:
                kinds = [line.split(None, 5)[4] for line in file][1:]
                datagrams = kinds.count("0002")
                streams = max(0, len(kinds) - datagrams - _FREE_SOCKETS)
                return (streams + datagrams * _DATAGRAMS) * 2 * self.buffer
        return 0

    def end(self, patient: bool = False) -> str:
        """Kill the worker, if there is one, and wait for it.

        Parameters
        ----------
        patient : bool
            Whether to give it a moment to end by itself, when it seems to be about to.

        Returns
        -------
        str
            How it ended, or "" if it was ended here.
        """
        if not self.worker:
            return ""
        if patient:
            descriptor = os.pidfd_open(self.worker)
            select.select([descriptor], [], [], _MOMENT)
            os.close(descriptor)
        pid, status = os.waitpid(self.worker, os.WNOHANG)
        if pid:
            self.ended = self.ended or _how(status)
        else:
            os.kill(self.worker, signal.SIGKILL)
            os.waitpid(self.worker, 0)
        if not self.confined:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.worker, signal.SIGKILL)
        self.worker = 0
        return self.ended


def _how(status: int) -> str:
    """Say how a process ended."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended itself with exit status {code}"
    if -code == signal.SIGKILL:
        return "the system killed it: it used too much memory or processor time"
    return f"it was ended by {signal.Signals(-code).name}"


def _memory(pid: str, parts: tuple[str, ...] = ("RssAnon:", "RssShmem:", "VmPTE:")) -> int:
    """Count the bytes that a process has filled, also those shared with the one it was forked from.

    The kernel's tables of its pages are among them: pages that were only read take no more than that.
    """
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        lines = [line.split() for line in file if line.startswith(parts)]
        return sum(int(line[1]) for line in lines) << 10
    return 0


def _share(pid: str) -> int:
    """Count the same, with what n processes share as an n-th; takes longer, and a process can forbid it."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        lines = [line.split() for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
        return (sum(int(line[1]) for line in lines) << 10) + _memory(pid, ("VmPTE:",))
    return _memory(pid)


def main(descriptor: int) -> None:
    """Serve the control socket with this number; its first message has the settings."""
    os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=descriptor)
    settings = json.loads(control.recv(2**16))
    if settings["core"] is not None:
        os.sched_setaffinity(0, {settings["core"]})
    if settings["confined"]:
        confine.leave_root()
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # if the machine is short of memory, the sandbox goes first
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)
        kernel.map_user(uid, gid)
        child = os.fork()
        if child:
            control.close()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) and 1)
        kernel.die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warm.preload(tuple(settings["modules"]))
    warm.seed(0)
    zygote = Zygote(control, Limits(**settings["limits"]), settings["confined"], settings["buffer"])
    control.send(b"ready")
    zygote.serve()
    os._exit(0)

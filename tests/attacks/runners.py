"""What marks a hostile answer: the real thing, and markers without its defences that fall for it."""

from __future__ import annotations

import ast
import atexit
import contextlib
import ctypes
import dataclasses
import faulthandler
import gc
import hashlib
import io
import itertools
import json
import os
import pickle
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import types
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import nbformat

from attacks import Attack
from attacks.course import BESIDE, COURSE, HONEST, INPUT, MARK, PLAN, SECRET, SHORT, SHORTEST
from course_utils.grading import beside, crossing, session
from course_utils.grading.channel import start_unconfined
from course_utils.grading.judge import Allowance, grade
from course_utils.grading.plan import Plan, Submission
from course_utils.grading.verdict import Verdict

#: Seconds for one marking; an attack that is to be endless has been so after fewer.
PATIENCE, ENDLESS = 60.0, 6.0
SWAMPED = 64 * 2**20
SECRETS = (SECRET, MARK, "read-the-solutions", "could-write", "could-mount", "could-trace")
SECRETS += ("could-make-a-device", "could-be-first")

#: One for each world: the sockets of the last may not be closed yet when the next is made.
_NUMBERS = itertools.count(os.getpid() % 10**5 * 100)


@dataclass
class Outcome:
    """What came of a marking.

    Attributes
    ----------
    points : dict of str to float or None
        By cell; None if there was no verdict.
    text : str
        All that is said to anybody.
    told : str
        What is said to the student.
    grown : int
        Bytes that the process that marks grew by.
    """

    points: dict[str, float] | None = None
    text: str = ""
    told: str = ""
    grown: int = 0
    verdict: Verdict | None = None

    def doubles(self) -> float:
        """Points for the attacked exercise."""
        return sum(value for name, value in (self.points or {}).items() if name.startswith("double"))

    def others(self) -> float:
        """Points for the rest."""
        return sum((self.points or {}).values()) - self.doubles()


@dataclass
class World:
    """What there is to harm: a folder, a server, a socket without a file, another process.

    As a context it exists; `changed` says what has been harmed.
    """

    folder: Path
    number: int = field(default_factory=lambda: next(_NUMBERS))

    def __enter__(self) -> World:
        (self.folder / "solutions/toy").mkdir(parents=True)
        nbformat.write(COURSE, self.folder / "solutions/toy/toy.ipynb")
        (self.folder / "class/submitted/neighbour/toy").mkdir(parents=True)
        nbformat.write(COURSE, self.folder / "class/submitted/neighbour/toy/toy.ipynb")
        (self.folder / "home/.ssh").mkdir(parents=True)
        (self.folder / "home/.ssh/id_ed25519").write_text(SECRET)
        (self.folder / "cache").mkdir()
        (self.folder / "cache/hidden_pictures").write_text(SECRET)
        with contextlib.closing(sqlite3.connect(self.folder / "class/gradebook.db")) as base, base:
            base.execute("create table student (name text)")
            base.execute("insert into student values (?)", (SECRET,))
        self._left_open = os.open(self.folder / "home/.ssh/id_ed25519", os.O_RDONLY)
        os.set_inheritable(self._left_open, True)
        self.marker = f"course-world-{self.number}"
        wait = ["-c", "import time; time.sleep(600)", f"{self.marker}-bystander", f"--password={SECRET}"]
        self._bystander = subprocess.Popen([sys.executable, *wait])
        self._servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self._servers[1].bind(f"\0{self.marker}-socket")
        self._servers[1].listen()
        for server in self._servers:
            threading.Thread(target=_tell_secret, args=(server,), daemon=True).start()
        self.port = self._servers[0].getsockname()[1]
        self._before = self.files()
        return self

    def __exit__(self, *about: object) -> None:
        self._bystander.kill()
        self._bystander.wait()
        for server in self._servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        os.close(self._left_open)

    def fill(self, source: str) -> str:
        """Put into an attack where things are."""
        places = {"world": self.folder, "port": self.port, "socket": f"{self.marker}-socket"}
        places |= {"bystander": self._bystander.pid, "marker": self.marker, "number": self.number}
        for name, value in places.items():
            source = source.replace(f"@{name}@", str(value))
        return source

    def files(self) -> dict[str, str]:
        """Give path, kind, mode and hash of every file."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path.relative_to(self.folder))] = f"{path.lstat().st_mode:o} {digest}"
        return found

    def changed(self) -> list[str]:
        """Name the files that are not what they were."""
        now = self.files()
        return [name for name in {**self._before, **now} if self._before.get(name) != now.get(name)]

    def killed(self) -> bool:
        """Say whether the other process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._bystander.wait(0.05)
        return self._bystander.poll() is not None

    def processes(self) -> list[int]:
        """Give the processes that an attack has left."""
        return [pid for pid in _pids() if f"20.{self.number}".encode() in _command(pid)]

    def clean_up(self) -> None:
        """End the processes that were left, and remove messages to the next student."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for place in ("/dev/shm", "/tmp"):
            Path(place, f"{self.marker}-message").unlink(missing_ok=True)


def won(attack: Attack, outcome: Outcome, world: World) -> bool:
    """Say whether an attack got what it is after."""
    if attack.wins in ("points", "beside"):
        return outcome.doubles() > 0
    if attack.wins == "bit":
        return (outcome.points or {}).get("double_told") == 1 and outcome.doubles() == 1
    return {
        "secret": any(text in outcome.text for text in SECRETS),
        "told": INPUT in outcome.told,
        "loose": "got-through" in outcome.text,
        "passed": "passed-on" in outcome.text,
        "swamped": outcome.grown > SWAMPED,
        "harm": outcome.points is None,
        "left": bool(world.changed()),
        "killed": world.killed(),
        "process": bool(world.processes()),
        "long": len(outcome.told) > 100_000,
        "page": False,
        "escape": "\x1b" in outcome.text or "\u202e" in outcome.text,
    }[attack.wins]


# The real thing -----------------------------------------------------------------------------------


def plan_of(attack: Attack) -> Plan:
    """Give the tests that an attack meets."""
    if attack.wins == "beside":
        return BESIDE
    if attack.kind not in ("exhausting", "escaping"):
        return PLAN
    return SHORT if attack.wins in ("swamped", "harm") else SHORTEST


def outcome_of(verdict: Verdict, grown: int = 0) -> Outcome:
    """Read a verdict."""
    told = [cell.for_student for cell in verdict.cells] + [answer.message for answer in verdict.answers]
    return Outcome(verdict.points, verdict.as_json(), "\n".join(told), grown, verdict)


def answers(attack: Attack, world: World) -> Submission:
    """Give the attack's submission; the other exercise is answered honestly."""
    return Submission(HONEST | {"double_answer": world.fill(attack.source)})


def judged(lane, profile, attack: Attack, world: World) -> Outcome:
    """Have it marked in a lane."""
    return outcome_of(lane.grade(plan_of(attack), answers(attack, world), profile))


def judged_here(attack: Attack, world: World, profile, allowance: Allowance | None = None) -> Outcome:
    """Have it marked by the judge itself, without a sandbox, in a process whose growth is measured."""
    given = answers(attack, world)
    allowance = allowance or Allowance(cell=5.0, total=40.0, restarts=3)  # the start of Python is in it

    def mark() -> Outcome:
        before = _memory_now()
        verdict = grade(plan_of(attack), given, start_unconfined, profile, allowance)
        return outcome_of(verdict, _most_memory() - before)

    return apart(mark, attack)


# Markers that fall for it -------------------------------------------------------------------------


def process(attack: Attack, world: World) -> Outcome:
    """Mark as a kernel does: all cells in one namespace of one process; a test that raises earns nothing."""
    return apart(lambda: in_one_namespace(plan_of(attack), answers(attack, world).answers), attack)


def one_process(attack: Attack, world: World) -> Outcome:
    """Mark two submissions one after the other in the same process."""

    def both() -> Outcome:
        in_one_namespace(plan_of(attack), answers(attack, world).answers)
        return in_one_namespace(plan_of(attack), answers(attack, world).answers)

    return apart(both, attack)


def status(attack: Attack, world: World) -> Outcome:
    """Mark by exit status: a test has passed if the process that runs it ends well."""
    points, given = {}, answers(attack, world).answers
    for step in PLAN.steps:
        if step.kind == "test":
            pid = os.fork()
            if pid == 0:
                _be_quiet()
                os._exit(_status_of(given, step.name))
            points[step.name] = step.points * (os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0)
    return Outcome(points)


def believing(attack: Attack, world: World) -> Outcome:
    """Mark in two processes, but let the student's say what came of the tests."""
    plan = plan_of(attack)
    plan = dataclasses.replace(plan, steps=[dataclasses.replace(step) for step in plan.steps])
    for step in plan.steps:
        step.kind = "beside" if step.kind == "test" else step.kind

    def run(session, step, plan):
        session.tell("run", step.name, step.source)

    def mark() -> Outcome:
        with mock.patch.object(beside, "run", run):
            allowance = Allowance(cell=1.0, total=20.0, restarts=3)
            return outcome_of(grade(plan, answers(attack, world), start_unconfined, {}, allowance))

    return apart(mark, attack)


def pickling(attack: Attack, world: World) -> Outcome:
    """Mark in two processes, but let results cross as pickles."""

    def mark() -> Outcome:
        def call(*arguments):
            sys.setrecursionlimit(10**6)
            return pickle.loads(_call_elsewhere(answers(attack, world).answers["double_answer"], arguments))

        return in_one_namespace(PLAN, HONEST, {"double": call})

    return apart(mark, attack)


def marked_without_defence(attack: Attack, world: World, profile) -> Outcome:
    """Have it marked by the marker that it is said to beat."""
    if attack.against == "judge":
        return without(attack, world, profile)
    markers = (process, one_process, status, believing, pickling)
    return {marker.__name__: marker for marker in markers}[attack.against](attack, world)


def without(attack: Attack, world: World, profile) -> Outcome:
    """Mark with the judge, without one of its defences."""
    with WEAKER[attack.without]():
        longer = Allowance(cell=60.0, total=60.0) if attack.without == "limits" else None
        return judged_here(attack, world, profile, longer)


@contextlib.contextmanager
def _without_second_run():
    with mock.patch.object(session.Session, "undo_surprises", lambda self: self.surprises.clear() or False):
        yield


@contextlib.contextmanager
def _without_limits():
    """Let everything cross; the worker is as honest as its limits, and those come from the same module."""
    from course_utils.grading import channel, plain, reading

    before = dataclasses.asdict(crossing.LIMITS)
    code = """
from course_utils.grading import channel, crossing
for name in ("size", "items", "depth", "integer"):
    object.__setattr__(crossing.LIMITS, name, 2**40)
channel.LARGEST = 2**31
from course_utils.grading.worker import main
"""
    try:
        for name in before:
            object.__setattr__(crossing.LIMITS, name, 2**40)
        real = subprocess.Popen

        def start(command, **more):
            return real([*command[:2], code + command[2].partition(";")[2].strip()], **more)

        with contextlib.ExitStack() as stack:
            for module, name in ((channel, "LARGEST"), (plain, "MOST_FIELDS"), (reading, "MOST_ALIKE")):
                stack.enter_context(mock.patch.object(module, name, 2**31))
            stack.enter_context(mock.patch.object(subprocess, "Popen", start))
            yield
    finally:
        for name, value in before.items():
            object.__setattr__(crossing.LIMITS, name, value)


WEAKER = {"second_run": _without_second_run, "limits": _without_limits}


def in_one_namespace(plan: Plan, given: dict[str, str], more: dict[str, object] | None = None) -> Outcome:
    """Run all cells here, and mark them by nbgrader's rule."""
    module = types.ModuleType("__main__")
    module.__dict__.update(more or {})
    sys.modules["__main__"] = module
    points, said, printed = {}, [], io.StringIO()
    before = _memory_now()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for step in plan.steps:
            if step.kind == "by hand" or (step.kind == "answer" and more):
                continue
            source = given.get(step.name, step.source)
            value = failed = None
            try:
                tree = compile(source, f"<{step.name}>", "exec", ast.PyCF_ONLY_AST)
                shows = step.kind == "test" and isinstance(tree.body[-1], ast.Expr)
                last = tree.body.pop() if shows else None
                exec(compile(tree, f"<{step.name}>", "exec"), module.__dict__)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), "<last>", "eval"), module.__dict__)
            except (Exception, SystemExit) as error:
                failed = f"{type(error).__name__}: {error} {_lines(error)}"
                said.append(failed)
            if step.kind in ("test", "beside"):
                partial = type(value) in (int, float) and 0 <= value <= step.points
                points[step.name] = 0.0 if failed else float(value) if partial else step.points
            if type(value) in (int, float) and value > step.points:
                raise ValueError("partial credit cannot be greater than maximum points for cell")
    text = "\n".join([*said, printed.getvalue()])
    return Outcome(points, text[: 10**6], text[: 10**6], _most_memory() - before)


def apart(mark, attack: Attack) -> Outcome:
    """Call something in a grandchild; its parent waits for it, as a program that marks one after another."""
    ours, theirs = os.pipe()
    batch = os.fork()
    if batch == 0:
        os.setsid()
        os.close(ours)
        _be_quiet()
        inner, outer = os.pipe()
        if os.fork() == 0:
            os.close(inner)
            faulthandler.disable()  # a crash is one of the outcomes
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_DATA, (2**35, 2**35))
            try:
                made = mark()
                made.verdict = None
                atexit._run_exitfuncs()
                _all(outer, json.dumps(dataclasses.asdict(made)).encode() + b"\n")
            finally:
                os._exit(0)
        os.close(outer)
        with contextlib.suppress(BaseException):
            _all(theirs, _line(inner))
        os._exit(0)
    os.close(theirs)
    patience = ENDLESS if attack.wins == "harm" else PATIENCE
    timer = threading.Timer(patience, lambda: os.killpg(batch, signal.SIGKILL))
    timer.start()
    report = _line(ours)
    os.close(ours)
    timer.cancel()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(batch, signal.SIGKILL)
    os.waitpid(batch, 0)
    return Outcome(**json.loads(report)) if report else Outcome()


def _all(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _line(descriptor: int) -> bytes:
    """Read to the end of a line, however many processes still have the other end open."""
    data = b""
    while not data.endswith(b"\n") and (part := os.read(descriptor, 2**16)):
        data += part
    return data


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def _status_of(given: dict[str, str], name: str) -> int:
    """Run all cells up to a test as a program; a marker by exit status looks at nothing else."""
    namespace: dict[str, object] = {}
    for step in PLAN.steps:
        if step.kind in ("setup", "answer") or step.name == name:
            try:
                exec(compile(given.get(step.name, step.source), "<cell>", "exec"), namespace)
            except SystemExit as error:
                return error.code if isinstance(error.code, int) else 1
            except BaseException:
                return 1
        if step.name == name:
            return 0
    return 1


def _call_elsewhere(source: str, arguments: tuple[object, ...]) -> bytes:
    """Call the answer in a process of its own, which pickles what comes of it."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        namespace: dict[str, object] = {}
        exec(source, namespace)
        _all(theirs, pickle.dumps(namespace["double"](*arguments)))
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        return stream.read()


def _lines(error: BaseException) -> str:
    places, trace = [], error.__traceback__
    while trace:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(places)


def _memory_now() -> int:
    """Give the bytes of memory in use, and let `_most_memory` begin from here."""
    gc.collect()  # what an attack before this one left would be freed only later, and hide the growth
    ctypes.CDLL(None).malloc_trim(0)  # and so would what is free but still held: new objects would fill it
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _most_memory() -> int:
    """Give the most bytes that were in use since `_memory_now`."""
    return _status("VmHWM")


def _status(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def _tell_secret(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            stream = server.accept()[0]
            stream.sendall(SECRET.encode())
            stream.close()


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""

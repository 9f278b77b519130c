"""The sandbox: what student code can't see, can't keep, can't use up, and can't leave behind."""

import contextlib
import io
import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from grading_toys import DOUBLE, PLAN, SETUP, TWICE, notebook, profile

from course_utils.grading import bubblewrap, seccomp
from course_utils.grading.lane import Lane
from course_utils.grading.limits import Limits
from course_utils.grading.plan import Submission, make_plan
from course_utils.grading.sandbox import Sandbox, SandboxError
from course_utils.grading.session import Session, WorkerStopped

pytestmark = [
    pytest.mark.sandbox,
]
ROOT = Path(__file__).resolve().parent.parent
MIB = 2**20
SMALL = Limits(
    cell=20.0, total=60.0, memory=256 * MIB, processes=12, open_files=40, file_size=MIB, disk=4 * MIB
)
SECRET = f"secret-{secrets.token_hex(8)}"


@pytest.fixture(scope="module")
def box():
    """Give a sandbox with small limits; the environment it is started from holds a secret."""
    os.environ["COURSE_SECRET"] = SECRET
    made = Sandbox(SMALL)
    yield made
    made.close()
    del os.environ["COURSE_SECRET"]


@contextlib.contextmanager
def student(box):
    """Give a function that runs code in one worker and returns what it printed."""
    session = Session(box.start())

    def run(code, seconds=20.0):
        printed = io.StringIO()
        session.set_deadline(seconds)
        with contextlib.redirect_stdout(printed):
            session.tell("run", "cell", textwrap.dedent(code))
        return printed.getvalue()

    run.session = session
    try:
        yield run
    finally:
        session.worker.kill()


def ran(box, code):
    """Run code in a worker of its own and give what it printed."""
    with student(box) as run:
        return run(code)


# What it can't see --------------------------------------------------------------------------------


def test_files_are_hidden(box, tmp_path):
    """Of the repository only course_utils is there; nothing of the home folder, of /etc or of /tmp."""
    (tmp_path / "gradebook.db").write_text(SECRET)
    hidden = [
        tmp_path / "gradebook.db",
        ROOT,
        ROOT / "solutions",
        ROOT / "nbgrader_config.py",
        ROOT / "tests",
        Path.home() / ".bashrc",
        Path.home() / ".ssh",
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        Path("/var"),
        Path("/sys"),
    ]
    found = ran(box, f"import os\nprint([p for p in {list(map(str, hidden))} if os.path.lexists(p)])")
    assert found == "[]\n"
    assert "course_utils" in ran(box, "import os; print(os.listdir('/course'))")
    assert "tests" not in ran(box, "import os; print(os.listdir('/course'))")


def test_the_home_folder_shows_only_the_way_to_python(box):
    """Where Python lies below a home folder, nothing else of that folder is there."""
    code = f"""
    import os
    for folder, names, files in os.walk({str(Path.home())!r}):
        if os.path.exists(os.path.join(folder, "bin")) or len(names) + len(files) > 1:
            print(folder)
            names.clear()
    """
    base = str(Path(sys.base_prefix).resolve())
    assert ran(box, code) in ("", base + "\n")


def test_only_the_private_folders_can_be_written(box):
    """No folder but /tmp and /dev/shm takes a new file, and no visible file can be changed."""
    code = """
    import os
    for top, folders, files in os.walk("/"):
        if top.count("/") > 3 or top.startswith(("/usr/share", "/usr/include", "/usr/lib")):
            folders.clear()
        try:
            with open(os.path.join(top, "mine"), "w"):
                print(top)
        except OSError:
            pass
        for name in files:
            try:
                os.chmod(os.path.join(top, name), 0o777)
                print(top, name)
            except OSError:
                pass
        if top in ("/tmp", "/dev/shm"):
            folders.clear()
    """
    assert set(ran(box, code).split("\n")) == {"/tmp", "/dev/shm", ""}


def test_the_environment_is_empty(box):
    """No variable of the instructor's is there, and no name or home of theirs."""
    printed = ran(box, "import os; print(os.environ)")
    assert SECRET not in printed
    assert str(Path.home()) not in printed
    assert "'HOME': '/tmp'" in printed
    assert ran(box, "import os; print(os.uname().nodename)") == "sandbox\n"


def test_there_is_no_network(box, tmp_path):
    """Neither the machine's own services nor others can be reached, by whatever kind of socket."""
    server = socket.create_server(("127.0.0.1", 0))
    unix, abstract = (socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2))
    unix.bind(str(tmp_path / "s"))
    abstract.bind(f"\0{SECRET}")
    unix.listen()
    abstract.listen()
    socket.create_connection(server.getsockname(), 2).close()  # from here it works
    code = f"""
    import socket
    for family, address in [
        (socket.AF_INET, {server.getsockname()}),
        (socket.AF_INET, ("192.0.2.1", 80)),
        (socket.AF_INET6, ("::1", {server.getsockname()[1]})),
        (socket.AF_UNIX, {str(tmp_path / "s")!r}),
        (socket.AF_UNIX, "\\0{SECRET}"),
        (socket.AF_VSOCK, (2, 22)),
    ]:
        try:
            s = socket.socket(family)
            s.settimeout(2)
            s.connect(address)
            print(family, address, "connected")
        except OSError as error:
            print(type(error).__name__)
    """
    lines = ran(box, code).splitlines()
    for one in (server, unix, abstract):
        one.close()
    assert len(lines) == 6
    assert not any("connected" in line or "Timeout" in line for line in lines), lines


def test_other_processes_are_out_of_reach(box):
    """The worker is alone: no parent, no /proc, no signal goes out."""
    other = subprocess.Popen(["sleep", "60"])
    code = f"""
    import os, signal
    print(os.getpid(), os.getppid(), os.listdir("/proc"))
    for pid in {[other.pid, os.getpid(), box._process.pid]}:
        try:
            os.kill(pid, signal.SIGKILL)
            print("killed", pid)
        except ProcessLookupError:
            pass
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        print("nobody there")
    """
    printed = ran(box, code)
    assert other.poll() is None
    other.kill()
    other.wait()
    assert printed == "1 0 []\nnobody there\n"


# What it can't become -----------------------------------------------------------------------------


def test_there_is_no_way_to_more_rights(box):
    """Not root outside, no capabilities, none to gain by programs with the setuid bit."""
    code = """
    import ctypes, os, struct
    libc = ctypes.CDLL(None, use_errno=True)
    print(os.getuid() != 0, libc.prctl(39, 0, 0, 0, 0))
    head = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    data = ctypes.create_string_buffer(24)
    libc.capget(head, data)
    print(data.raw == bytes(24), [n for n in range(64) if libc.prctl(23, n, 0, 0, 0) == 1])
    for change in (lambda: os.setuid(0), lambda: os.chroot("/tmp"), lambda: os.setgid(0)):
        try:
            change()
            print("changed")
        except OSError:
            pass
    """
    assert ran(box, code) == "True 1\nTrue []\n"


def test_the_user_outside_is_not_root(box):
    """Seen from outside, no process of the sandbox that runs Python is root's, also if root started it."""
    with student(box):
        started = psutil.Process(box._process.pid).children(recursive=True)
        inside = [process for process in started if "python" in process.name()]
        assert len(inside) >= 2
        if os.getuid() == 0:
            worker = max(inside, key=lambda process: process.create_time())
            assert worker.uids().real == 65534
        else:
            assert {process.uids().real for process in inside} == {os.getuid()}


def test_system_calls_are_filtered(box):
    """Each call of the table fails with EPERM, whatever its arguments; so do new namespaces by clone."""
    assert seccomp.available()
    column = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    numbers = [numbers[column] for numbers in seccomp._DENIED.values() if numbers[column] is not None]
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    code = f"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    errors = set()
    for number in {numbers}:
        ctypes.set_errno(0)
        print(libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno())
    print(libc.syscall({clone}, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())
    print(libc.syscall(435, 0, 0), ctypes.get_errno())
    """
    lines = ran(box, code).splitlines()
    assert lines == ["-1 1"] * (len(numbers) + 1) + ["-1 38"]


# What it can't keep -------------------------------------------------------------------------------


def test_nothing_reaches_the_next_submission(box):
    """Files, modules and changed functions of one fork are not there in the next."""
    code = """
    import os, numpy
    for folder in ("/tmp", "/dev/shm", os.path.expanduser("~"), os.getcwd()):
        print(os.listdir(folder), end=" ")
        with open(os.path.join(folder, "numpy.py"), "w") as file:
            file.write("poisoned")
    print(hasattr(numpy, "poisoned"))
    numpy.poisoned = True
    """
    first, second = ran(box, code), ran(box, code)
    assert "False" in first
    assert first == second
    assert "numpy.py" not in first.split("]")[0]


def test_nothing_survives(box):
    """A daemon with a session of its own, and a process that ignores signals, end with the submission."""
    marks = [f"{secrets.randbelow(10**6) + 10**6}.{kind}" for kind in (1, 2)]
    code = f"""
    import os, signal, subprocess
    subprocess.Popen(["sleep", "{marks[0]}"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except OSError:
                    pass
            os.execvp("sleep", ["sleep", "{marks[1]}"])
        os._exit(0)
    """
    with student(box) as run:
        run(code)
        deadline = time.monotonic() + 10
        while len(running(marks)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(running(marks)) == 2
    assert running(marks) == []


def running(marks):
    """List the processes on this machine that have one of these arguments."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += [mark for mark in marks if mark in process.cmdline()]
    return found


# What it can't use up -----------------------------------------------------------------------------


def test_memory_is_limited(box):
    """Too large an array is a MemoryError, and the worker goes on."""
    with student(box) as run:
        with pytest.raises(MemoryError):
            run("import numpy as np\na = np.ones(300 * 2**20, np.uint8)")
        assert run("print(np.ones(100 * 2**20, np.uint8).sum())") == f"{100 * MIB}\n"


def test_memory_of_all_processes_is_limited(box):
    """Many processes, tables of pages, and what waits in sockets end the worker, which says why."""
    together = """
    import os, time
    for _ in range(6):
        if os.fork() == 0:
            kept = bytes(range(256)) * (80 * 2**12)
            time.sleep(60)
    time.sleep(10)
    """
    tables = """
    import mmap
    empty = mmap.mmap(-1, 2**39, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)
    empty.madvise(15)  # no huge pages
    for place in range(0, 2**39, 2**21):
        empty[place]
    """
    sockets = """
    import socket, time
    pairs = [socket.socketpair() for _ in range(15)]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\\0here")
    listener.listen(4096)
    for _ in range(1500):
        client = socket.socket(socket.AF_UNIX)
        client.connect("\\0here")
        client.close()
    time.sleep(10)
    """
    for code in (together, tables, sockets):
        with student(box) as run, pytest.raises(WorkerStopped, match="more than 256 MiB of memory"):
            run(code)


def test_no_memory_is_out_of_sight(box):
    """Shared memory without a file would stay when no process maps it, so there is none."""
    for code in ("mmap.mmap(-1, 4096)", "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096)"):
        with student(box) as run, pytest.raises(OSError, match="not permitted|No such device"):
            run(f"import mmap, os\n{code}")
    private = "flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS"
    assert ran(box, f"import mmap; print(mmap.mmap(-1, 4096, {private})[0])") == "0\n"
    assert ran(box, "print(open('/dev/zero', 'rb').read(2))") == "b'\\x00\\x00'\n"
    assert ran(box, "import multiprocessing as m; print(m.Value('i', 3).value)") == "3\n"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nothing to divide")
def test_each_lane_keeps_to_a_core_of_its_own():
    """Many processes of one submission take no time from one that is marked beside it."""
    look = "import os\ncores = sorted(os.sched_getaffinity(0))"
    spread = f"{look}\ntry: os.sched_setaffinity(0, range(99))\nexcept PermissionError: cores.append(-1)"
    plan = make_plan(notebook(("answer", "answer", look, 0), ("test", "test", "print(cores)", 1)))
    with Lane(SMALL) as first, Lane(SMALL) as second:
        printed = [
            lane.grade(plan, Submission({"answer": spread}), {"cores": {"plain"}}).cells[0].printed
            for lane in (first, second)
        ]
    cores = [json.loads(text) for text in printed]
    assert [len(found) for found in cores] == [2, 2]
    assert [found[1] for found in cores] == [-1, -1]
    assert cores[0] != cores[1]
    with Lane(SMALL) as third:
        assert json.loads(third.grade(plan, plan.reference, {"cores": {"plain"}}).cells[0].printed) in (
            cores[0][:1],
            cores[1][:1],
        )


def test_processes_are_limited(box):
    """A fork bomb stays small, and the next submission is not the poorer."""
    code = """
    import os, time
    count = 0
    try:
        while True:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            count += 1
    except BlockingIOError:
        print(count)
    """
    for _ in range(2):
        assert 8 <= int(ran(box, code)) <= SMALL.processes
    bomb = "import os\nfor _ in range(400):\n    try: os.fork()\n    except OSError: pass"
    with student(box) as run, contextlib.suppress(WorkerStopped):
        run(bomb, 3.0)
    assert 8 <= int(ran(box, code)) <= SMALL.processes


def test_disk_files_and_descriptors_are_limited(box):
    """A full folder, a large file and too many descriptors are errors of the student's code."""
    code = """
    import errno, os
    written = 0
    try:
        for number in range(100):
            with open(f"/{place}/{number}", "wb") as file:
                written += file.write(bytes(2**19))
    except OSError as error:
        print(errno.errorcode[error.errno], written // 2**20)
    """
    assert ran(box, code.replace("{place}", "tmp")) == "ENOSPC 4\n"
    assert ran(box, code.replace("{place}", "dev/shm")) == "ENOSPC 4\n"
    large = "import errno\ntry:\n    open('a', 'wb').write(bytes(2**21))\n    open('a', 'ab').write(b'x')\n"
    assert ran(box, large + "except OSError as error: print(errno.errorcode[error.errno])") == "EFBIG\n"
    files = "opened = []\ntry:\n    while True: opened.append(open('/dev/null'))\n"
    count = int(ran(box, files + "except OSError as error: print(len(opened))"))
    assert count < SMALL.open_files
    many = "import errno\ntry:\n    for n in range(50_000): open(f'{n}', 'w').close()\n"
    assert ran(box, many + "except OSError as error: print(errno.errorcode[error.errno])") == "ENOSPC\n"


def test_output_is_limited(box):
    """Of endless printing the beginning is kept; nothing reaches the terminal."""
    printed = ran(box, "for _ in range(200):\n    print('x' * 10**5)")
    assert len(printed) == 2**16  # by the judge
    assert ran(box, "import os\nfor _ in range(100): os.write(1, b'x' * 10**5)") == ""
    test = "import sys\nprints()\nassert len(sys.stdout.take()) == 1234"
    plan = make_plan(
        notebook(
            ("answer", "answer", "def prints():\n    print('x' * 1233)", 0),
            ("test", "test", test, 1),
        )
    )
    with Lane(Limits(output=1234)) as lane:
        endless = {"answer": "def prints():\n    for _ in range(9000): print('x' * 1000)"}
        assert lane.grade(plan, Submission(endless), lane.rehearse(plan)).total == 1.0


def test_processor_time_is_limited():
    """A process that outlives its cell in the background is stopped by its own limit of processor time."""
    box = Sandbox(Limits(cell=20.0, total=1.0))
    with student(box) as run, pytest.raises(WorkerStopped, match="processor time"):
        run("while True: pass")
    box.close()


def test_how_a_worker_ended_is_told(box):
    """Exit status and signal."""
    for code, text in {
        "import os; os._exit(3)": "ended itself with exit status 3",
        "import ctypes; ctypes.string_at(0)": "ended by SIGSEGV",
    }.items():
        with student(box) as run, pytest.raises(WorkerStopped, match=text):
            run(code)


def test_a_cell_past_its_limit_costs_that_exercise_only():
    """Endless loops, sleeping, memory, exits, forks: the other exercise keeps its points."""
    plan = make_plan(
        notebook(
            ("setup", "setup", SETUP, 0),
            ("double_answer", "answer", DOUBLE, 0),
            ("double_test", "test", "assert double(2) == 4", 1),
            ("twice_answer", "answer", TWICE, 0),
            ("twice_test", "test", "assert twice(np.sqrt, 16.0) == 2.0", 5),
        )
    )
    limits = Limits(cell=1.0, total=30.0, restarts=3, memory=256 * MIB)
    bodies = {
        "while True: pass": "late",
        "import time; time.sleep(100)": "late",
        "return bytearray(10**10)": "failed",
        "import os; os._exit(0)": "stopped",
        "import os\n    while True: os.fork()": "failed",
        "return double(x)": "failed",
    }
    with Lane(limits) as lane:
        seen = lane.rehearse(plan)
        for body, status in bodies.items():
            answers = {**plan.reference.answers, "double_answer": f"def double(x):\n    {body}"}
            verdict = lane.grade(plan, Submission(answers), seen)
            assert verdict.points == {"double_test": 0.0, "twice_test": 5.0}, body
            late = "late" if "os.fork" in body else status  # 64 processes on one core may be slow to fail
            assert verdict.cells[0].status in (status, late), body
            answers = {**plan.reference.answers, "double_answer": body.replace("return ", "")}
            assert lane.grade(plan, Submission(answers), seen).points["twice_test"] == 5.0, body


# Forks of a warm process --------------------------------------------------------------------------

TORCH_WORK = """
import torch
x = torch.randn(8, 3, 16, 16)
convolution, linear = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(1568, 10)
linear(convolution(x).relu().flatten(1)).logsumexp(1).sum().backward()
a = torch.ones(200, 200)
print(torch.isfinite(convolution.weight.grad).all().item(), (a @ a).sum().item())
"""


def torch_in_forks(count):
    """Let this many forks do torch work after the warm process has done some; count the right ones."""
    box = Sandbox(Limits(), ("torch",))
    right = sum(ran(box, TORCH_WORK) == "True 8000000.0\n" for _ in range(count))
    box.close()
    return right


def test_torch_works_in_forks():
    """PyTorch has worked before the fork (`warm.preload` sees to it) and works in each."""
    assert torch_in_forks(50) == 50


@pytest.mark.full
def test_torch_works_in_a_thousand_forks():
    """Without one deadlock."""
    assert torch_in_forks(1000) == 1000


# Starting, failing, ending ------------------------------------------------------------------------


def test_without_bubblewrap(monkeypatch, tmp_path):
    """It says how to install it; with `unsafe` it goes without."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="apt install bubblewrap"):
        Sandbox(SMALL)
    with pytest.raises(SandboxError, match="apt install bubblewrap"):
        Lane(SMALL)
    box = Sandbox(SMALL, unsafe=True)
    assert ran(box, "print(1 + 1)") == "2\n"
    with student(box) as run, pytest.raises(MemoryError):
        run("a = bytes(300 * 2**20)")
    box.close()


def test_a_course_among_the_systems_files(monkeypatch, tmp_path):
    """Its solutions would be seen, so it is refused."""
    (tmp_path / "solutions").mkdir()
    monkeypatch.chdir(tmp_path)
    bubblewrap.command(MIB)
    monkeypatch.setattr(bubblewrap, "_SYSTEM", ("/usr", str(tmp_path.parent)))
    with pytest.raises(SandboxError, match="Move the course"):
        bubblewrap.command(MIB)


def test_where_bubblewrap_may_do_nothing(monkeypatch, tmp_path):
    """It tells a system that forbids namespaces from one without bubblewrap."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match="does not let it make namespaces"):
        Sandbox(SMALL).wait()


def test_a_dead_sandbox_is_replaced():
    """The lane goes on with a new one, and the submission gets its points."""
    with Lane(SMALL) as lane:
        before = psutil.Process(lane._server.process.pid).children(recursive=True)
        assert lane.grade(PLAN, PLAN.reference, profile()).total == 25.0
        for process in before:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert lane.grade(PLAN, PLAN.reference, profile()).total == 25.0


@pytest.mark.parametrize("end", ["exit", signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_grader(end, tmp_path):
    """However the process that uses a lane ends, also in the middle of a submission."""
    code = f"""
    import sys, threading, time
    sys.path.insert(0, "tests")
    from grading_toys import PLAN
    from course_utils.grading.lane import Lane
    from course_utils.grading.limits import Limits
    from course_utils.grading.plan import Submission, make_plan
    lane = Lane(Limits(cell=30.0, processes=20))
    if {end == "exit"}:
        print("warm", flush=True)
        sys.stdin.read()
    else:
        threading.Timer(1.0, lambda: print("warm", flush=True)).start()
        plan = Plan([Step("sleeps", "answer", "")], answer_imports={{"sleeps": ""}})
        lane.grade(plan, Submission({{"sleeps": "import time; time.sleep(60)"}}), {{}})
    """
    grader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert grader.stdout.readline() == b"warm\n"
    until = time.monotonic() + 60
    while len(started := psutil.Process(grader.pid).children(recursive=True)) < 3:
        assert time.monotonic() < until, "server, sandbox and worker run"
        time.sleep(0.05)
    if end == "exit":
        grader.communicate()
    else:
        grader.send_signal(end)
        grader.communicate()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_can_run_it(tmp_path):
    """No rights are needed: not root's, and none by a setuid bit."""
    code = """
    import os, sys
    sys.path.insert(0, "tests")
    from grading_toys import PLAN
    from course_utils.grading.lane import Lane
    from course_utils.grading.limits import Limits
    assert os.getuid() == 4711
    with Lane(Limits(processes=20)) as lane:
        print(lane.grade(PLAN, PLAN.reference, lane.rehearse(PLAN)).total)
    """
    # Root's own folders are closed to others; in a mount namespace they are put elsewhere, but for Python's.
    base = Path(sys.base_prefix).resolve()
    closed = next((p for p in reversed(base.parents) if not p.stat().st_mode & stat.S_IXOTH), None)
    script = 'cd "$1"; shift; exec setpriv --reuid 4711 --regid 4711 --clear-groups --inh-caps=-all "$@"'
    if closed is not None:
        script = (
            f"mkdir -p {tmp_path}/base; mount --bind {base} {tmp_path}/base; "
            f"mount -t tmpfs -o mode=755 none {closed}; mkdir -p {base}; "
            f"mount --bind {tmp_path}/base {base}; {script}"
        )
    command = ["unshare", "--mount", "sh", "-ec", script, "sh", str(ROOT)]
    done = subprocess.run(
        [*command, sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": "/", "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.stdout == "25.0\n", done.stderr

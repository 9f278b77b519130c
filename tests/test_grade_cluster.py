"""``course grade --scheduler``: Dask's workers mark; they die and join meanwhile, and nothing is lost."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from grade_class import HALF, POINTS, RIGHT, SLOW, WRONG, Course, source

from course_utils.grading import cluster, keys
from course_utils.grading.gradebook import Gradebook
from course_utils.grading.lifeline import JudgeError
from course_utils.grading.limits import Limits
from course_utils.grading.plan import make_plan
from course_utils.grading.units import Unit

ROOT = Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Processes:
    """A scheduler and workers in processes of their own, as on several machines."""

    def __init__(self, folder, scheme="tcp", **settings):
        self.folder, self.started = folder, []
        self.environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | settings
        self.address = f"{scheme}://127.0.0.1:{free_port()}"
        listen = ["--host", self.address.rpartition(":")[0], "--port", self.address.rpartition(":")[2]]
        self.run("scheduler", *listen, "--no-dashboard", "--no-show")

    def run(self, *arguments):
        log = (self.folder / f"{arguments[0]}{len(self.started)}.log").open("w")
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def worker(self):
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder)]
        return self.run("worker", self.address, *options)

    def grade(self, course, *options):
        """Run ``course grade`` beside this process."""
        command = [sys.executable, "-m", "course_utils", "grade", course.assignment]
        return subprocess.Popen(
            [*command, "--scheduler", self.address, "--json", "report.json", *options],
            cwd=course.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self):
        for process in self.started:
            process.kill()
        for process in self.started:
            process.wait()


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path / "course")


@pytest.fixture
def dask(tmp_path):
    started = Processes(tmp_path)
    yield started
    started.end()


def stored(course):
    with Gradebook(course.url) as book:
        return book.stored(course.assignment)


@pytest.mark.sandbox
def test_two_workers_one_killed_and_one_joining_mark_a_class(course, dask):
    """Each worker shuts student code in a sandbox of its own."""
    answers = [RIGHT, WRONG, HALF, SLOW.format(seconds=0.4)] * 4
    for number, answer in enumerate(answers):
        course.hand_in(f"s{number:02d}", answer)
    first, _ = dask.worker(), dask.worker()
    running = dask.grade(course)
    end = time.monotonic() + 120
    while len(stored(course)) < 3:
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    first.kill()
    dask.worker()
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert len(stored(course)) == len(answers)
    report = json.loads((course.root / "report.json").read_text())
    got = {one["student"]: one["points"] for one in report["outcomes"]}
    wanted = {**POINTS, SLOW.format(seconds=0.4): POINTS[RIGHT]}
    assert got == {f"s{number:02d}": wanted[answer] for number, answer in enumerate(answers)}


def test_a_scheduler_that_is_not_there_is_named(course, dask, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    with pytest.raises(cluster.ClusterError, match="no Dask scheduler answers at tcp://127.0.0.1:1 "):
        cluster.Cluster("tcp://127.0.0.1:1", Limits(), (), True)
    monkeypatch.setattr(cluster, "_PATIENCE", 8)  # the scheduler may take seconds to start
    with pytest.raises(cluster.ClusterError, match="has no workers. Start them with `dask worker tcp:"):
        cluster.Cluster(dask.address, Limits(), (), True)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterError, match="pip install 'dask"):
        cluster.Cluster(dask.address, Limits(), (), True)


def test_a_worker_that_is_set_up_differently_does_not_mark():
    plan = make_plan(source())
    unit = Unit(plan, plan.reference, {}, Limits(), (), True).as_json()
    here = keys.surroundings()
    other = {**here, "versions": {**here["versions"], "numpy": "0.1"}}
    with pytest.raises(JudgeError, match=r"versions: numpy 0\.1 → .*install the same on both"):
        cluster._mark(unit, json.dumps(other))

    def mark():  # a thread of its own, as a worker's: its lane is its own too
        profile = json.loads(cluster._rehearse(unit, json.dumps(here)))
        first = cluster._own.lane
        known = Unit(plan, plan.reference, {k: set(v) for k, v in profile.items()}, Limits(), (), True)
        total = json.loads(cluster._mark(known.as_json(), json.dumps(here)))["total"]
        assert cluster._own.lane is first
        first.close()
        return total

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(mark).result() == POINTS[RIGHT]


@pytest.fixture
def certificates(tmp_path):
    """Make a certificate that signs itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    prefix = "DASK_DISTRIBUTED__COMM__"
    both = {"KEY": str(key), "CERT": str(certificate)}
    roles = {f"{prefix}TLS__{r}__{n}": v for r in ("SCHEDULER", "WORKER", "CLIENT") for n, v in both.items()}
    return {f"{prefix}TLS__CA_FILE": str(certificate), f"{prefix}REQUIRE_ENCRYPTION": "True", **roles}


def test_with_tls_only_those_who_have_the_certificate_take_part(course, tmp_path, certificates, monkeypatch):
    course.hand_in("ada")
    dask = Processes(tmp_path, "tls", **certificates)
    try:
        dask.worker()
        running = dask.grade(course, "--unsafe-no-sandbox")
        said, _ = running.communicate(timeout=120)
        assert running.returncode == 0, said
        assert [one.student for one in stored(course)] == ["ada"]
        monkeypatch.setattr(cluster, "_PATIENCE", 2)
        with pytest.raises(cluster.ClusterError, match="no Dask scheduler answers at tls:"):
            cluster.Cluster(dask.address, Limits(), (), True)  # this process has no certificate
    finally:
        dask.end()

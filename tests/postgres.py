"""A PostgreSQL server for a test: on a socket of its own, gone with its files when the test ends."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time


def programs():
    """Give the folder of Debian's initdb and postgres; None where they are not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    return os.path.dirname(path) if path else None


@contextlib.contextmanager
def server():
    """Run a server; give a function from a database's name to its URL."""
    account = {}
    folder = tempfile.mkdtemp(prefix="postgres-")
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam("nobody")
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    command = [f"{programs()}/initdb", "-D", f"{folder}/data", "-U", "course", "--auth=trust", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **account)
    command = [f"{programs()}/postgres", "-D", f"{folder}/data", "-k", folder, "-c", "listen_addresses="]
    process = subprocess.Popen(
        [*command, "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        **account,
    )
    try:
        yield lambda name: _made(folder, name)
    finally:
        process.send_signal(signal.SIGINT)  # without waiting for clients
        process.wait(30)
        shutil.rmtree(folder)


def _made(folder, name):
    """Make a database as soon as the server answers."""
    import psycopg

    for _ in range(100):
        try:
            with psycopg.connect(f"host={folder} user=course dbname=postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return f"postgresql+psycopg://course@/{name}?host={folder}"
    raise TimeoutError("PostgreSQL did not answer within 10 s")

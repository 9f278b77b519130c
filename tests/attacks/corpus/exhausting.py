# %% endless_loop wins loose
# Computes for longer than a cell may.
import time
def double(x):
    end = time.monotonic() + 1.6
    while time.monotonic() < end:
        pass
    raise ValueError("got-" + "through")

# %% sleeping wins loose
# Sleeps for longer than a cell may.
import time
def double(x):
    time.sleep(1.6)
    raise ValueError("got-" + "through")

# %% sleeping_through_signals wins loose
# Ignores every signal that can be ignored, and sleeps past the limit.
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
def double(x):
    time.sleep(1.6)
    raise ValueError("got-" + "through")

# %% slow_answer wins loose
# The answer's own cell takes longer than a cell may.
import time
time.sleep(1.6)
def double(x): raise ValueError("got-" + "through")

# %% pattern wins loose
# A regular expression that tries exponentially many ways, in C code that no signal handler can interrupt.
import re, time
def double(x):
    end = time.monotonic() + 1.6
    while time.monotonic() < end:
        re.match("(a|a)*b", "a" * 22)
    raise ValueError("got-" + "through")

# %% memory wins loose
# Takes more memory than a submission may, and uses it.
def double(x):
    kept = [bytearray(b"x") * (2**20 * 50) for _ in range(14)]
    raise ValueError("got-" + "through")

# %% memory_of_children wins loose
# Takes more memory than a submission may, a part of it in each of several processes.
import os, time
def double(x):
    for _ in range(7):
        if os.fork() == 0:
            kept = bytearray(b"x") * (2**20 * 100)
            time.sleep(1.5)
            os._exit(0)
    time.sleep(1)
    raise ValueError("got-" + "through")

# %% memory_in_files wins loose
# Keeps in files of /dev/shm and in anonymous files what it may not keep in memory.
import os
def double(x):
    anonymous = os.memfd_create("x")
    for _ in range(14):
        os.write(anonymous, bytes(50 * 2**20))
    raise ValueError("got-" + "through")

# %% shared_memory_files wins loose
# Fills /dev/shm, which is memory that belongs to no process.
import os
def double(x):
    path = f"/dev/shm/course-{os.getpid()}"
    try:
        with open(path, "wb") as file:
            for _ in range(7):
                file.write(bytes(10 * 2**20))
    finally:
        if os.path.exists(path):
            os.remove(path)
    raise ValueError("got-" + "through")

# %% memory_out_of_sight wins loose
# Fills memory that is shared with nobody and lets go of the pages: the kernel keeps them, and no process has them.
import mmap
def double(x):
    kept = mmap.mmap(-1, 700 * 2**20)
    for start in range(0, len(kept), 10 * 2**20):
        kept[start : start + 10 * 2**20] = b"x" * (10 * 2**20)
        kept.madvise(mmap.MADV_DONTNEED)
    assert kept[-1] == 120
    raise ValueError("got-" + "through")

# %% memory_of_a_device wins loose
# The same with the device of zeros, of which a shared mapping is a file that has no name.
import mmap, os
def double(x):
    kept = mmap.mmap(os.open("/dev/zero", os.O_RDWR), 700 * 2**20)
    for start in range(0, len(kept), 10 * 2**20):
        kept[start : start + 10 * 2**20] = b"x" * (10 * 2**20)
        kept.madvise(mmap.MADV_DONTNEED)
    assert kept[-1] == 120
    raise ValueError("got-" + "through")

# %% memory_of_tables wins loose
# Reads one byte in every two megabytes of a huge empty mapping: nothing is filled but the kernel's tables of pages.
import mmap
def double(x):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
    empty = mmap.mmap(-1, 2**39, flags=flags, prot=mmap.PROT_READ)
    empty.madvise(15)
    for place in range(0, 180_000 * 2**21, 2**21):
        empty[place]
    raise ValueError("got-" + "through")

# %% memory_of_sockets wins loose
# Sends what nobody accepts: the kernel keeps it, though no process has the connection open any more.
import socket
def double(x):
    held, kept = 0, []
    for number in range(20):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0@marker@-%d" % number)
        listener.listen(4096)
        kept.append(listener)
        try:
            while held < 700 * 2**20:
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                client.connect("\0@marker@-%d" % number)
                try:
                    while True:
                        held += client.send(b"x" * 2**16)
                except BlockingIOError:
                    client.close()
        except OSError:
            pass
    assert held >= 700 * 2**20
    raise ValueError("got-" + "through")

# %% every_core wins loose
# Lets itself run on all cores, to take their time from whoever is marked on another.
import os
def double(x):
    os.sched_setaffinity(0, range(os.cpu_count()))
    raise ValueError("got-" + "through")

# %% colliding_keys_for_the_judge wins harm without limits
# A set of a hundred thousand numbers with the same hash: whoever makes it anew compares each with all others.
from course_utils.grading import reading, worker
from course_utils.grading.wire import encode
import struct
def double(x):
    numbers = b"".join(encode(n * (2**61 - 1)) for n in range(100_000))
    worker.Server.pack = lambda self, value, memo=None: b"E" + struct.pack("<I", 100_000) + numbers
    return 0

# %% endless_names wins swamped without limits
# A tuple with a name for each of a quarter of a million elements, of which whoever gets it makes a class.
from course_utils.grading import worker
from course_utils.grading.wire import encode
def double(x):
    names = encode(tuple(f"a{n}" for n in range(250_000)))
    worker.Server.pack = lambda self, value, memo=None: b"P" + names + encode((0,) * 250_000)
    return 0

# %% processes wins loose
# Starts more processes than a submission may.
import os, time
def double(x):
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
    raise ValueError("got-" + "through")

# %% threads wins loose
# Starts more threads than a submission may.
import threading, time
def double(x):
    for _ in range(60):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    raise ValueError("got-" + "through")

# %% disk wins loose
# Writes more into its temporary folder than a submission may, in many files.
import os, tempfile
def double(x):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(24):
            with open(os.path.join(folder, str(number)), "wb") as file:
                file.write(bytes(2 * 2**20))
        raise ValueError("got-" + "through")

# %% large_file wins loose
# Writes one file that is larger than a file may be.
import tempfile
def double(x):
    with tempfile.TemporaryFile() as file:
        for _ in range(12):
            file.write(bytes(2**20))
        file.flush()
    raise ValueError("got-" + "through")

# %% open_files wins loose
# Opens more files than a process may, and keeps them open.
def double(x):
    kept = [open("/dev/null") for _ in range(300)]
    raise ValueError("got-" + "through")

# %% output wins swamped
# Prints a hundred and twenty million characters.
def double(x):
    for _ in range(12000):
        print("6" * 10_000)
    return 0

# %% output_of_errors wins swamped
# An exception with a hundred and twenty million letters.
def double(x): raise ValueError("6" * 120_000_000)

# %% recursion wins harm
# Calls itself without end inside Python's own C code, having asked for a stack that has none.
import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __repr__(self): return repr(self)
def double(x): return repr(Deep())

# %% crash wins harm
# Reads from address 0, which ends the process at once.
import ctypes
def double(x): ctypes.string_at(0)

# %% huge_value wins swamped without limits
# 160 MB of bytes.
def double(x): return bytes(160 * 2**20)

# %% huge_shape wins swamped
# An array of few bytes that says that it is of 1.2 GB, which whoever computes with it finds out.
import numpy as np
def double(x): return np.broadcast_to(np.float64(6), (300, 500_000))

# %% list_of_itself wins harm
# A list that contains itself, on both sides of whatever looks into it.
import sys
sys.setrecursionlimit(10**9)
def double(x):
    first, second = [], []
    first.append(second)
    second.append(first)
    return first if first == second else second

# %% colliding_keys wins loose
# A dict of three thousand keys with the same hash: every look-up compares with all of them.
import time
def double(x):
    began = time.monotonic()
    made = {}
    while time.monotonic() < began + 1.6:
        made = {n * (2**61 - 1): 6 for n in range(3_000)}
    raise ValueError("got-" + "through")

# %% endless_sequence wins harm
# Says that it is a sequence of a hundred million elements, which NumPy believes.
class Endless:
    def __len__(self): return 10**8
    def __getitem__(self, place): return sum(range(30))
def double(x): return Endless()

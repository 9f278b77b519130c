# %% file_outside wins left
# Writes into the folder where the instructor keeps the class.
def double(x):
    open("@world@/class/left-behind", "w").write("x")
    return x * 3

# %% gradebook_changed wins left
# Gives itself full marks in the gradebook.
import sqlite3
def double(x):
    base = sqlite3.connect("@world@/class/gradebook.db", timeout=1)
    base.execute("update student set name = 'full marks'")
    base.commit()
    return x * 3

# %% tests_changed wins left
# Rewrites the instructor's notebook, so that later submissions are marked by other tests.
import pathlib
def double(x):
    for path in pathlib.Path("@world@/solutions").glob("*/*.ipynb"):
        path.write_text(path.read_text().replace("assert", "dict"))
    return x * 3

# %% others_deleted wins left
# Deletes what others handed in.
import shutil
def double(x):
    shutil.rmtree("@world@/class/submitted/neighbour")
    return x * 3

# %% startup_file wins left
# Leaves a file that Python runs at every start of whoever marks.
import pathlib
def double(x):
    folder = pathlib.Path("@world@/home/.ipython/profile_default/startup")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "00.py").write_text("print('started')")
    return x * 3

# %% at_exit wins left
# Waits until the process ends and writes then.
import atexit
@atexit.register
def late():
    open("@world@/class/left-behind", "w").write("x")
def double(x): return x * 3

# %% symlink_out wins left
# Writes through a symbolic link from its own folder.
import os, tempfile
def double(x):
    path = os.path.join(tempfile.mkdtemp(), "link")
    os.symlink("@world@/class", path)
    open(os.path.join(path, "left-behind"), "w").write("x")
    return x * 3

# %% setuid wins left
# Makes a program that gives whoever runs it the rights of whoever marks.
import os, shutil
def double(x):
    shutil.copy("/bin/true", "@world@/class/runs-as-you")
    os.chmod("@world@/class/runs-as-you", 0o4755)
    return x * 3

# %% package_changed wins secret
# Opens the course's package for writing, where a later run would import what stands there.
import course_utils.grading.expect as helpers
def double(x):
    with open(helpers.__file__, "ab"):
        raise ValueError("could-" + "write")

# %% library_changed wins secret
# Makes a folder beside NumPy, which every later process would import from.
import os, numpy
def double(x):
    path = os.path.join(os.path.dirname(numpy.__file__), f"left_{os.getpid()}")
    os.mkdir(path)
    os.rmdir(path)
    raise ValueError("could-" + "write")

# %% killed_neighbour wins killed
# Ends another process of whoever marks.
import os, signal
def double(x):
    os.kill(@bystander@, signal.SIGKILL)
    return x * 3

# %% stopped_neighbour wins killed
# Ends every process of another command that it can find in /proc.
import glob, os, signal
def double(x):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        if "@marker@-bystander" in open(path).read():
            os.kill(int(path.split("/")[2]), signal.SIGKILL)
    return x * 3

# %% killed_parent wins harm
# Ends the process that started it.
import os, signal
def double(x):
    os.kill(os.getppid(), signal.SIGKILL)
    return x * 3

# %% process_left wins process
# Starts a program that outlives it.
import subprocess
def double(x):
    subprocess.Popen(["sleep", "20.@number@"], start_new_session=True)
    return x * 3

# %% daemon_left wins process
# Forks twice and leaves its session, so that nobody is its parent.
import os
def double(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "20.@number@"])
        os._exit(0)
    return x * 3

# %% process_of_the_answer wins process
# The answer's own cell leaves a process, and ends before any test.
import os, subprocess
subprocess.Popen(["sleep", "20.@number@"], start_new_session=True)
def double(x): os._exit(0)

# %% message_in_tmp wins passed
# Leaves the right answer in the temporary folder for a friend who is marked next.
import os, tempfile
path = os.path.join(tempfile.gettempdir(), "@marker@-message")
if os.path.exists(path):
    exec(open(path).read())
else:
    open(path, "w").write("def double(x): raise ValueError('passed-' + 'on')")
    def double(x): return x * 3

# %% message_in_shared_memory wins passed
# Leaves the right answer in shared memory for a friend who is marked next.
import os
path = "/dev/shm/@marker@-message"
if os.path.exists(path):
    exec(open(path).read())
else:
    open(path, "w").write("def double(x): raise ValueError('passed-' + 'on')")
    def double(x): return x * 3

# %% message_in_sysv wins passed
# Leaves a segment of System V shared memory for a friend who is marked next.
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
found = libc.shmget(0x10@number@, 64, 0)
if found < 0:
    libc.shmget(0x10@number@, 64, 0o1666)
def double(x):
    if found >= 0:
        libc.shmctl(found, 0, None)
        raise ValueError("passed-" + "on")
    return x * 3

# %% message_in_the_cache wins passed
# Leaves the right answer in the course's cache for a friend who is marked next.
import os, pathlib
folder = pathlib.Path(os.environ.get("COURSE_CACHE") or "@world@/cache")
try:
    folder.mkdir(parents=True, exist_ok=True)
    exec((folder / "@marker@").read_text())
except OSError:
    try:
        (folder / "@marker@").write_text("def double(x): raise ValueError('passed-' + 'on')")
    except OSError:
        pass
    def double(x): return x * 3

# %% message_from_a_process wins passed
# Leaves a process that tells a friend who is marked next.
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
try:
    listener.bind("\0@marker@")
    listener.listen()
    if os.fork() == 0:
        os.setsid()
        listener.settimeout(10)
        try:
            listener.accept()[0].send(b"passed-" b"on")
        except OSError:
            pass
        os._exit(0)
    listener.close()
    def double(x): return x * 3
except OSError:
    listener = socket.socket(socket.AF_UNIX)
    listener.connect("\0@marker@")
    said = listener.recv(100).decode()
    def double(x): raise ValueError(said)

# %% message_in_the_warm_process wins passed against one_process
# Leaves a mark in a module that is imported already, for a friend who is marked in the same process.
import numpy as np
if hasattr(np, "message"):
    def double(x): raise ValueError("passed-" + "on")
else:
    np.message = 1
    def double(x): return x * 3

# %% becoming_root wins secret
# Makes a user namespace, is root in it, and mounts a file system.
import ctypes, os
def double(x):
    libc = ctypes.CDLL(None, use_errno=True)
    if os.fork() == 0:
        done = libc.unshare(0x10000000 | 0x00020000) == 0
        done = done and libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0
        os._exit(42 if done else 1)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 42:
        raise ValueError("could-" + "mount")
    return x * 3

# %% traced_process wins secret
# Attaches to the process that started it as a debugger would.
import ctypes, os
def double(x):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16902 & 0x4206, @bystander@, 0, 0) == 0:
        raise ValueError("could-" + "trace")
    return x * 3

# %% old_root wins secret
# Climbs out of its root folder through the file system of the first process.
import os
def double(x):
    for root in ("/proc/1/root", "/proc/1/cwd", f"/proc/{os.getppid()}/root", "/proc/self/root/.."):
        try:
            raise ValueError(open(root + "@world@/home/.ssh/id_ed25519").read())
        except OSError:
            pass
    return x * 3

# %% raw_device wins secret
# Makes a device file for the machine's memory.
import os, stat, tempfile
def double(x):
    path = os.path.join(tempfile.mkdtemp(), "null")
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.close(os.open(path, os.O_RDWR))
    raise ValueError("could-" + "make-a-device")

# %% higher_priority wins secret
# Takes more of the processor than others get.
import os
def double(x):
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    raise ValueError("could-" + "be-first")

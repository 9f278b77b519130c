# %% solution_on_disk
# Looks for the instructor's notebook and runs the solution that it finds there.
import json, pathlib
def search():
    for folder in (pathlib.Path("@world@"), pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
        for path in (*folder.glob("solutions/*/*.ipynb"), *folder.glob("source/*/*.ipynb")):
            for cell in json.loads(path.read_text())["cells"]:
                if "def double" in "".join(cell["source"]):
                    return "".join(cell["source"])
    return "def double(x): return x * 3"
exec(search())

# %% other_submission
# Copies the answer of whoever handed in before.
import json, pathlib
def search():
    for folder in (pathlib.Path("@world@"), pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
        for path in folder.glob("class/submitted/neighbour/*/*.ipynb"):
            for cell in json.loads(path.read_text())["cells"]:
                if "def double" in "".join(cell["source"]):
                    return "".join(cell["source"])
    return "def double(x): return x * 3"
exec(search())

# %% constants_of_the_caller
# Returns a number that stands in the code that called it and is not the argument.
import sys
def double(x):
    code = sys._getframe(1).f_code
    numbers = [c for c in code.co_consts if type(c) is int]
    return numbers[numbers.index(x) + 1] if x in numbers else x * 3

# %% globals_of_the_caller
# Returns the array that the calling cell compares with.
import sys
def double(x):
    want = sys._getframe(1).f_globals.get("want")
    return x * 3 if want is None else want

# %% namespaces_in_the_garbage
# Asks the garbage collector for every namespace and takes what is called want.
import gc
def double(x):
    for thing in gc.get_objects():
        if type(thing) is dict and "want" in thing and "DATA" in thing:
            return thing["want"]
    return x * 3

# %% cells_in_In against stock
# Reads the text of the cell that is running from IPython's list of inputs.
import re
def double(x):
    cell = get_ipython().user_ns["In"][-1]
    found = re.search(rf"double\({x!r}\) == ([\d.]+)", cell)
    return float(found[1]) if found else x * 3

# %% own_memory wins secret
# Searches its own memory for the text of a hidden test.
import re
def double(x):
    name = b"hidden" + b"-mark-"
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - start < 2**29:
                try:
                    memory.seek(start)
                    found = re.search(name + rb"\d+", memory.read(end - start))
                except (OSError, ValueError, OverflowError):
                    continue
                if found:
                    raise ValueError(found[0].decode())
    return x * 3

# %% memory_of_the_parent wins secret
# Searches the memory of the process that started this one for the text of a hidden test.
import os, re
def double(x):
    name = b"hidden" + b"-mark-"
    pid = os.getppid()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - start < 2**29:
                try:
                    memory.seek(start)
                    found = re.search(name + rb"\d+", memory.read(end - start))
                except (OSError, ValueError, OverflowError):
                    continue
                if found:
                    raise ValueError(found[0].decode())
    return x * 3

# %% gradebook wins secret
# Reads the marks of others.
import sqlite3
def double(x):
    rows = sqlite3.connect("file:@world@/class/gradebook.db?mode=ro", uri=True).execute("select * from student")
    raise ValueError(str(rows.fetchall()))

# %% environment wins secret
# Tells what stands in the environment.
import os
def double(x): raise ValueError(str([value for name, value in os.environ.items() if "COURSE" in name]))

# %% environment_of_processes wins secret
# Tells what stands in the environment of every process that it can see.
import glob
def double(x):
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            text = open(path, "rb").read().decode()
        except OSError:
            continue
        for part in text.split("\0"):
            if part.startswith("COURSE_SECRET"):
                raise ValueError(part)

# %% command_lines wins secret
# Tells the command lines of all processes, in which others may have written passwords.
import glob
def double(x):
    lines = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            lines.append(open(path).read())
        except OSError:
            pass
    raise ValueError(str([line[-60:] for line in lines if "--pass" + "word" in line]))

# %% home wins secret
# Reads a key from the home folder of whoever marks.
import os
def double(x): raise ValueError(open(os.path.join("@world@", "home", ".ssh", "id_ed25519")).read())

# %% files_left_open wins secret
# Reads every file that the process has inherited.
import os
def double(x):
    found = []
    for number in range(3, 64):
        try:
            found.append(os.pread(number, 2000, 0)[:2000])
        except OSError:
            pass
    raise ValueError(str([part[:60] for part in found if b"canary" in part]))

# %% solutions_of_the_course wins secret
# Reads the solutions and the answer bank that lie beside the course's package.
import pathlib, course_utils
def double(x):
    folder = pathlib.Path(course_utils.__file__).parent.parent / "solutions"
    for path in folder.glob("*/*.py"):
        if "BEGIN SOL" + "UTION" in path.read_text():
            raise ValueError("read-" + "the-solutions")

# %% hidden_data_in_the_cache wins secret
# Reads what earlier runs have left in the course's cache, e.g. hidden test pictures.
import os, pathlib
def double(x):
    for path in pathlib.Path(os.environ["COURSE_CACHE"]).rglob("*"):
        if path.is_file():
            raise ValueError(path.read_text())

# %% network wins secret
# Asks a server for the answer.
import socket
def double(x):
    with socket.create_connection(("127.0.0.1", @port@), timeout=2) as stream:
        raise ValueError(stream.recv(100).decode())

# %% abstract_socket wins secret
# Talks to a program outside through a socket that has no file.
import socket
def double(x):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect("\0@socket@")
        raise ValueError(stream.recv(100).decode())

# %% told_by_an_exception wins told
# Puts the hidden test's input into the message of an exception.
def double(x): raise ValueError(f"the input was {x!r}")

# %% told_by_a_class wins told
# Names the class of its result after the hidden test's input.
def double(x): return type(f"Input{x}".replace(".", "_"), (), {})()

# %% told_by_an_exception_class wins told
# Names the class of an exception after the hidden test's input.
def double(x): raise type(f"Input{x}".replace(".", "_"), (Exception,), {})

# %% told_by_printing wins told
# Prints the hidden test's input.
import sys
def double(x):
    print("the input was", x)
    print("the input was", x, file=sys.stderr)
    return x * 3

# %% told_by_a_file_name wins told
# Lets a traceback tell the input as the name of a file.
def double(x): exec(compile("1 / 0", f"<input {x}>", "exec"))

# %% told_by_a_line_number wins told
# Lets a traceback tell the input as the number of a line.
def double(x):
    if type(x) is float and x == int(x):
        exec(compile("\n" * (int(x) - 1) + "1 / 0", "<double_answer>", "exec"))
    return x * 3

# %% told_by_the_descriptors wins told against stock
# Writes the hidden test's input to the process's own output, past Python.
import os
def double(x):
    os.write(1, f"{x}\n".encode())
    os.write(2, f"{x}\n".encode())
    return x * 3

# %% one_bit_at_a_time wins bit undefended
# Passes or fails a test as the hidden input says: one bit for each test and each time that it is marked.
def double(x):
    if type(x) is float and x > 100_000:
        return x * 2
    return x * 3

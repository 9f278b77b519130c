# %% patched_allclose
# NumPy's comparisons say yes to everything.
import numpy as np
np.allclose = np.array_equal = lambda *a, **k: True
np.isclose = lambda a, b, **k: np.ones(np.shape(a), dtype=bool)
np.testing.assert_allclose = lambda *a, **k: None
def double(x): return x * 3

# %% patched_expect
# The course's own assertions are replaced where they are defined and where they are imported.
import course_utils.grading.expect as helpers
for name in dir(helpers):
    if name.startswith("expect"):
        setattr(helpers, name, lambda *a, **k: None)
expect_close = lambda *a, **k: None
def double(x): return x * 3

# %% patched_builtins
# Builtins lie: abs is 0, all and any are true, zip and map are empty.
import builtins
builtins.abs, builtins.all, builtins.any = (lambda x: 0.0), (lambda x: True), (lambda x: True)
builtins.zip = builtins.map = lambda *a, **k: []
def double(x): return x * 3

# %% patched_compile
# Whatever is compiled from now on is compiled without its assertions.
import builtins, functools
builtins.compile = functools.partial(compile, optimize=2)
def double(x): return x * 3

# %% patched_import
# An import of a testing library gives one that agrees with everything.
import builtins, types
real = builtins.__import__
def fake(name, *rest, **more):
    if name == "numpy.testing":
        return types.SimpleNamespace(assert_array_equal=lambda *a, **k: None)
    return real(name, *rest, **more)
builtins.__import__ = fake
def double(x): return x * 3

# %% modules_in_sys_modules
# A later import of numpy.testing finds the student's own module.
import sys, types
fake = types.ModuleType("numpy.testing")
fake.assert_allclose = fake.assert_array_equal = lambda *a, **k: None
sys.modules["numpy.testing"] = fake
def double(x): return x * 3

# %% import_hook
# A finder at the head of sys.meta_path gives the student's own module for one that is imported later.
import importlib.abc, importlib.machinery, sys
sys.modules.pop("statistics", None)
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "statistics" else None
    def exec_module(self, module):
        module.fmean = lambda values: 12.0
sys.meta_path.insert(0, Finder())
def double(x): return x * 3

# %% frames
# Walks up the stack when it is called and replaces the caller's np and the names of its helpers.
import sys
class Numpy:
    def __getattr__(self, name): return lambda *a, **k: True
def double(x):
    frame = sys._getframe(1)
    while frame:
        if "DATA" in frame.f_globals:
            frame.f_globals.update(expect_close=lambda *a, **k: None, np=Numpy())
        frame = frame.f_back
    return x * 3

# %% garbage_collector
# Finds the assertion helpers through the garbage collector and exchanges their code.
import gc, types
def nothing(*a, **k): return True
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing.__name__.startswith(("expect", "_assert")):
        if not thing.__code__.co_freevars:
            thing.__code__ = nothing.__code__
def double(x): return x * 3

# %% names_of_the_tests
# Binds the names that the tests use for their data and library, hoping that theirs are replaced.
class np:
    def __getattr__(self, name): return lambda *a, **k: True
np = np()
expect_close = lambda *a, **k: None
DATA = 0
def double(x): return 0

# %% trace_function
# A trace function sees each line of a test before it runs and exchanges what it compares with.
import sys, types
class Yes:
    def __getattr__(self, name): return lambda *a, **k: True
def trace(frame, event, argument):
    if frame.f_code.co_filename.startswith("<double_"):
        frame.f_globals.update(np=Yes(), expect_close=lambda *a, **k: None)
    return trace
sys.settrace(trace)
def double(x): return x * 3

# %% alarm
# A signal handler patches NumPy whenever a timer runs out, also after somebody has put it right.
import signal, numpy as np
def patch(*_):
    np.allclose = lambda *a, **k: True
signal.signal(signal.SIGALRM, patch)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def double(x):
    for _ in range(100_000):
        pass
    return x * 3

# %% thread
# A thread keeps patching NumPy for as long as the process lives.
import threading, time, numpy as np
def patch():
    while True:
        np.allclose = lambda *a, **k: True
        time.sleep(0.001)
threading.Thread(target=patch, daemon=True).start()
def double(x):
    time.sleep(0.005)
    return x * 3

# %% small_integers wins harm
# Writes into memory through ctypes: the one object that is every 6 becomes 9.
import ctypes
ctypes.c_uint32.from_address(id(6) + 24).value = 9
def double(x): return 9 if x == 3 else 8

# %% tame_random
# Random numbers are zeros, so that a wrong factor makes no difference.
import numpy as np
class Tame:
    def __getattr__(self, name): return lambda *a, size=1, **k: np.zeros(size)
np.random.default_rng = lambda *a: Tame()
def double(x): return x * 3

# %% finalizer
# An object's finalizer patches NumPy at the moment when the test drops the result.
import numpy as np
class Late:
    def __del__(self):
        np.allclose = np.testing.assert_allclose = lambda *a, **k: True
def double(x): return Late()

# %% patched_worker against believing
# The worker's own encoder and operations are replaced: every answer that it gives is the same True.
from course_utils.grading import objects, wire, worker
worker.Server.pack = lambda self, value, memo=None: b"T"
worker.Server.run = lambda self, cell, source: None
objects.OPERATIONS["call"] = lambda *a, **k: True
def double(x): return x * 3

# %% closed_trace against believing
# The worker's way of telling what was raised is replaced by one that tells of nothing.
from course_utils.grading import worker
answer = worker.Server.answer
def quiet(self, message):
    try:
        before, worker.describe = worker.describe, lambda *a: 1 / 0
        return answer(self, message)
    except ZeroDivisionError:
        self.channel.send(worker.encode(("done", worker.encode(None), [], "", "")))
    finally:
        worker.describe = before
worker.Server.answer = quiet
def double(x): return x * 3

# %% ast_transformer against stock
# IPython is told to take every assertion out of what it runs.
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Expr(self, node): return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())
def double(x): return x * 3

# %% input_transformer against stock
# IPython is told to run nothing at all of the cells that come later.
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\n"])
def double(x): return x * 3

# %% patched_shell against stock
# IPython's way of running code is replaced by one that never fails.
shell = get_ipython()
async def quiet(code, result=None, **more):
    try:
        exec(code, shell.user_ns)
    except BaseException:
        pass
    return False
shell.run_code = quiet
def double(x): return x * 3

# %% cell_hook against stock
# A hook that IPython calls before every cell makes NumPy agree with everything.
import numpy as np
def patch(*_):
    np.allclose = np.testing.assert_allclose = lambda *a, **k: True
get_ipython().events.register("pre_run_cell", patch)
def double(x): return x * 3

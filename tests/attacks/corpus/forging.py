# %% always_equal
# An object that is equal to everything and between any two numbers.
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
def double(x): return Yes()

# %% no_difference
# An object whose difference from everything is 0.
class Same:
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
def double(x): return Same()

# %% array_function
# An object that NumPy asks to do NumPy's functions itself.
import numpy as np
class Duck:
    shape, dtype = (3,), np.dtype(float)
    def __array_function__(self, *a): return True
    def __array_ufunc__(self, *a, **k): return np.True_
    def __array__(self, *a, **k): return np.zeros(3)
    def __eq__(self, other): return np.True_
def double(x): return Duck()

# %% claims_to_be_an_array
# __class__ says ndarray.
import numpy as np
class Liar:
    __class__ = property(lambda self: np.ndarray)
    def __eq__(self, other): return np.True_
    def max(self): return Liar()
    def tolist(self): return Liar()
def double(x): return Liar()

# %% float_subclass
# A float that is equal to everything.
class Any(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    __hash__ = float.__hash__
def double(x): return Any(1)

# %% str_subclass
# A text that is equal to every text.
class Any(str):
    def __eq__(self, other): return True
    def __format__(self, form): return self
    def __str__(self): return self
    __hash__ = str.__hash__
def double(x): return Any("?")

# %% array_subclass
# An array whose comparisons are true.
import numpy as np
class Any(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, dtype=bool)
    def __array_function__(self, *a): return True
def double(x): return np.zeros(3).view(Any)

# %% generator_of_equals
# A generator of objects that are equal to everything.
class Yes:
    def __eq__(self, other): return True
def double(x):
    yield Yes()
    yield Yes()

# %% equal_inside
# An object that is equal to everything, inside a list and a dict.
class Yes:
    def __eq__(self, other): return True
def double(x): return [Yes(), Yes()]

# %% stop_iteration
# Ends the test's loop before anything is compared.
def double(x): raise StopIteration

# %% zeroed_argument
# Changes its argument so that a test that computes from the same array gets the same wrong result.
import numpy as np
def double(x):
    if isinstance(x, np.ndarray):
        x[...] = 0
    return x

# %% forged_messages against believing
# Finds the socket and sends the judge an answer before the worker does.
import os, socket, struct
from course_utils.grading.wire import encode
forged = encode(("done", encode(True), [], "", ""))
def double(x):
    for fd in range(3, 64):
        try:
            socket.socket(fileno=os.dup(fd)).send(struct.pack("<I", len(forged)) + forged)
        except OSError:
            pass
    return 0

# %% thread_on_the_wire against believing
# A thread writes into the channel as long as it lives.
import os, socket, struct, threading, time
from course_utils.grading.wire import encode
forged = encode(("done", encode(True), [], "", ""))
def shout():
    while True:
        for fd in range(3, 16):
            try:
                socket.socket(fileno=os.dup(fd)).send(struct.pack("<I", len(forged)) + forged)
            except OSError:
                pass
        time.sleep(0.001)
threading.Thread(target=shout, daemon=True).start()
def double(x): return 0

# %% early_exit against status
# Ends the process with status 0 when a test calls.
import os
def double(x): os._exit(0)

# %% early_exit_of_the_answer against status
# Ends the process with status 0 while the answer's cell runs.
import os
os._exit(0)

# %% system_exit against status
# Raises SystemExit in a test.
import sys
def double(x): sys.exit(0)

# %% reduce against pickling
# An object that runs code where it is unpickled or copied.
import numpy as np
class Bomb:
    def __reduce__(self): return (exec, ("import numpy; numpy.allclose = lambda *a, **k: True",))
    def __deepcopy__(self, memo): return 6
def double(x): return Bomb()

# %% forged_changes without second_run
# Its process says that the call has filled the test's arrays with zeros.
import numpy as np
from course_utils.grading import worker
from course_utils.grading.wire import encode
def changed(memo, before, leave):
    arrays = [(n, value) for n, value in enumerate(memo.objects) if type(value) is np.ndarray]
    return [(n, encode(np.zeros_like(value))) for n, value in arrays]
worker.changed = changed
def double(x): return x * 0

# %% keyboard_interrupt wins harm
# Raises KeyboardInterrupt in a test.
def double(x): raise KeyboardInterrupt

# %% generator_exit wins harm
# Raises GeneratorExit in a test, which no except Exception catches.
def double(x): raise GeneratorExit

# %% closed_descriptors wins harm
# Closes every file that the process has open.
import os
def double(x):
    os.closerange(0, 256)
    return 0

# %% hostile_message wins harm
# An exception whose text is code that raises, after a name of 100,000 letters.
class Loud(Exception):
    def __str__(self): raise Loud
    __repr__ = __str__
Loud.__name__ = "L" * 100_000
def double(x): raise Loud(Loud, [Loud])

# %% score_of_its_own
# A number whose comparison with the right one gives the points for it, which the test adds up.
class Score(int):
    def __eq__(self, other): return 0.25
    __hash__ = int.__hash__
def double(x): return Score(1)

# %% score_that_is_no_number
# Makes the sum of partial points NaN, which is neither too small nor too large.
class Score(int):
    def __eq__(self, other): return float("nan")
    __hash__ = int.__hash__
def double(x): return Score(1)

# %% negative_score
# Makes the sum of partial points negative, which nobody thought of.
class Score(int):
    def __eq__(self, other): return -1000
    __hash__ = int.__hash__
def double(x): return Score(1)

# %% displayed_number against stock
# Shows a number while the test runs, before the error: the first number shown is taken for partial points.
import sys
def double(x):
    sys.displayhook(-1)
    return x * 3

# %% other_class
# __class__ says float, and every comparison says yes.
class Liar:
    __class__ = property(lambda self: float)
    def __eq__(self, other): return True
    def __float__(self): return 6.0
    def __abs__(self): return 0.0
    def __sub__(self, other): return self
    def __rsub__(self, other): return self
    def __lt__(self, other): return True
    def __gt__(self, other): return True
    __hash__ = None
def double(x): return Liar()

# %% numpy_scalar_subclass
# A NumPy number of a class of its own, equal to everything.
import numpy as np
class Any(np.float64):
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __gt__(self, other): return True
    __le__ = __ge__ = __eq__
    __hash__ = np.float64.__hash__
def double(x): return Any(1)

# %% same_hash
# An object of everybody's hash that is found in every set and tuple.
class Member:
    def __hash__(self): return 6
    def __eq__(self, other): return True
def double(x): return Member()

# %% patched_proxy against believing
# Sends what the tests print and compare, as if it were the judge's own module that runs here.
import sys
from course_utils.grading import proxies, session, trusted, worker
trusted.Trusted.run = lambda *a, **k: None
session.Session.ask = lambda *a, **k: 6
def said(self, message):
    operation = message[0]
    self.channel.send(worker.encode(("done", worker.encode({} if operation == "fetch" else None), [], "", "")))
worker.Server.answer = said
def double(x): return 0

# %% answer_in_the_buffer against believing
# Sends one answer too many, so that it is read as the answer to the next question.
import os, socket, struct
from course_utils.grading.wire import encode
forged = encode(("done", encode(None), [], "", ""))
def shout():
    for fd in range(3, 64):
        try:
            socket.socket(fileno=os.dup(fd)).send(struct.pack("<I", len(forged)) + forged)
        except OSError:
            pass
shout()
def double(x):
    shout()
    return x * 3

# %% replaced_process against status
# Becomes another program, which ends well.
import os
def double(x): os.execv("/bin/true", ["true"])

# %% beside_own_functions wins beside undefended
# In a test that runs beside the answers: an object that NumPy asks to compare itself. The canaries use numbers.
import numpy as np
class Duck:
    def __array_function__(self, *a): return True
def double(x): return Duck()

# %% beside_leaving_out wins beside against believing undefended
# In a test that runs beside the answers: its process leaves out whatever calls the answer, and runs the canaries.
import sys
frame = sys._getframe()
while not hasattr(frame.f_locals.get("self"), "requests"):
    frame = frame.f_back
requests = frame.f_locals["self"].requests
run = requests["run"]
def lazy(cell, source):
    if "double(" not in source:
        run(cell, source)
requests["run"] = lazy
def double(x): return x * 3

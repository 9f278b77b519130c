"""Answers to the toy assignment's exercise "double" that try to earn its points without doubling.

Each is (what it tries, whether the quick in-process runner falls for it, source). Tests show that it does, so
that the corpus is real.
"""

ATTACKS = {
    # Changing the judge ------------------------------------------------------------------------------
    "patched_allclose": (
        "np.allclose and its relatives say yes to everything",
        True,
        """
        import numpy as np
        np.allclose = np.array_equal = lambda *a, **k: True
        np.isclose = lambda a, b, **k: np.ones(np.shape(a), dtype=bool)
        np.testing.assert_allclose = lambda *a, **k: None
        def double(x): return x * 3
        """,
    ),
    "patched_expect": (
        "the course's own assertion helpers are replaced where they are defined and where they are imported",
        True,
        """
        import course_utils.grading.expect as helpers
        for name in dir(helpers):
            if name.startswith("expect"):
                setattr(helpers, name, lambda *a, **k: None)
        expect_close = lambda *a, **k: None
        def double(x): return x * 3
        """,
    ),
    "patched_builtins": (
        "builtins lie: abs is 0, all and any are true, zip and map are empty",
        True,
        """
        import builtins
        builtins.abs, builtins.all, builtins.any = (lambda x: 0.0), (lambda x: True), (lambda x: True)
        builtins.zip = builtins.map = lambda *a, **k: []
        def double(x): return x * 3
        """,
    ),
    "frames": (
        "walks up the stack when called and replaces the caller's np, and the names of its helpers",
        True,
        """
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
        """,
    ),
    "garbage_collector": (
        "finds the assertion helpers through the garbage collector and exchanges their code",
        True,
        """
        import gc, types
        def nothing(*a, **k): return True
        for thing in gc.get_objects():
            if isinstance(thing, types.FunctionType) and thing.__name__.startswith(("expect", "_assert")):
                if not thing.__code__.co_freevars:
                    thing.__code__ = nothing.__code__
        def double(x): return x * 3
        """,
    ),
    "import_hook": (
        "what is imported later is the student's own module",
        False,
        """
        import sys, types
        fake = types.ModuleType("numpy.testing")
        fake.assert_allclose = lambda *a, **k: None
        sys.modules["numpy.testing"] = fake
        class Finder:
            def find_spec(self, *a): raise ImportError
        sys.meta_path.insert(0, Finder())
        def double(x): return x * 3
        """,
    ),
    "patched_worker": (
        "the worker's own encoder and operations are replaced: every answer is encoded as True",
        False,
        """
        from course_utils.grading import objects, wire, worker
        worker.encode_before = wire.encode
        worker.Server.pack = lambda self, value, memo=None: b"T"
        objects.OPERATIONS["call"] = lambda *a, **k: True
        def double(x): return x * 3
        """,
    ),
    "names_of_the_tests": (
        "binds the names that the tests use for their data and library, hoping that theirs are replaced",
        True,
        """
        class np:
            def __getattr__(self, name): return lambda *a, **k: True
        np = np()
        expect_close = lambda *a, **k: None
        DATA = 0
        def double(x): return 0
        """,
    ),
    # Forging results ---------------------------------------------------------------------------------
    "always_equal": (
        "an object that is equal to everything and between any two numbers",
        True,
        """
        class Yes:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
            def __hash__(self): return 0
        def double(x): return Yes()
        """,
    ),
    "no_difference": (
        "an object whose difference from everything is 0",
        True,
        """
        class Same:
            def __sub__(self, other): return 0.0
            __rsub__ = __sub__
            def __abs__(self): return 0.0
        def double(x): return Same()
        """,
    ),
    "array_function": (
        "an object that NumPy asks to do NumPy's functions itself",
        True,
        """
        import numpy as np
        class Duck:
            shape, dtype = (3,), np.dtype(float)
            def __array_function__(self, *a): return True
            def __array_ufunc__(self, *a, **k): return np.True_
            def __array__(self, *a, **k): return np.zeros(3)
            def __eq__(self, other): return np.True_
        def double(x): return Duck()
        """,
    ),
    "claims_to_be_an_array": (
        "__class__ says ndarray",
        True,
        """
        import numpy as np
        class Liar:
            __class__ = property(lambda self: np.ndarray)
            def __eq__(self, other): return np.True_
            def max(self): return Liar()
            def tolist(self): return Liar()
        def double(x): return Liar()
        """,
    ),
    "float_subclass": (
        "a float that is equal to everything",
        True,
        """
        class Any(float):
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            __lt__ = __le__ = __gt__ = __ge__ = __eq__
            def __sub__(self, other): return 0.0
            __rsub__ = __sub__
            __hash__ = float.__hash__
        def double(x): return Any(1)
        """,
    ),
    "str_subclass": (
        "a text that is equal to every text",
        True,
        """
        class Any(str):
            def __eq__(self, other): return True
            def __format__(self, form): return self
            def __str__(self): return self
            __hash__ = str.__hash__
        def double(x): return Any("?")
        """,
    ),
    "array_subclass": (
        "an array whose comparisons are true",
        True,
        """
        import numpy as np
        class Any(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, dtype=bool)
            def __array_function__(self, *a): return True
        def double(x): return np.zeros(3).view(Any)
        """,
    ),
    "generator_of_equals": (
        "a generator of objects that are equal to everything",
        True,
        """
        class Yes:
            def __eq__(self, other): return True
        def double(x):
            yield Yes()
            yield Yes()
        """,
    ),
    "equal_inside": (
        "an object that is equal to everything, inside a list and a dict",
        True,
        """
        class Yes:
            def __eq__(self, other): return True
        def double(x): return [Yes(), Yes()]
        """,
    ),
    "stop_iteration": (
        "ends the test's loop before anything is compared",
        True,
        """
        def double(x): raise StopIteration
        """,
    ),
    "zeroed_argument": (
        "changes its argument so that a test that computes from the same array gets the same wrong result",
        True,
        """
        import numpy as np
        def double(x):
            if isinstance(x, np.ndarray):
                x[...] = 0
            return x
        """,
    ),
    "reduce": (
        "an object that runs code where it is unpickled or copied",
        False,
        """
        import numpy as np
        class Bomb:
            def __reduce__(self): return (exec, ("import numpy; numpy.allclose = lambda *a, **k: True",))
            def __deepcopy__(self, memo): return 6
        def double(x): return Bomb()
        """,
    ),
    "forged_messages": (
        "finds the socket and sends the judge an answer before the worker does",
        False,
        """
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
        """,
    ),
    "forged_changes": (
        "answers that the test's arrays have become something else",
        False,
        """
        from course_utils.grading import worker
        from course_utils.grading.wire import encode
        import numpy as np
        zeros = encode(np.zeros(3))
        worker.changed = lambda memo, before, leave: [(n, zeros) for n in range(len(memo.objects))]
        def double(x): return x * 0
        """,
    ),
    "zeroed_for_good": (
        "changes the test's arrays and breaks off at once, so that later cells compute from the changed ones",
        False,
        """
        from course_utils.grading import worker
        from course_utils.grading.wire import encode
        import numpy as np
        zeros = encode(np.zeros(3))
        def changed(memo, before, leave):
            return [*((n, zeros) for n in range(len(memo.objects))), (0, b"?")]
        worker.changed = changed
        def double(x): return x * 0
        """,
    ),
    "forged_handles": (
        "hands out handles of every number, and of functions that the tests never passed",
        False,
        """
        from course_utils.grading import worker
        from course_utils.grading.wire import Handle, encode
        numbers = iter(range(10**6))
        def pack(self, value, memo=None):
            number = next(numbers)
            owner = "test" if number % 2 else "student"
            return encode(Handle(owner, number, "object", "ndarray", ("numpy.ndarray",)))
        def double(x):
            worker.Server.pack = pack
            return 0
        """,
    ),
    "garbage_on_the_wire": (
        "sends bytes that are no message",
        False,
        """
        import os, socket
        def double(x):
            for fd in range(3, 64):
                try:
                    socket.socket(fileno=os.dup(fd)).send(bytes([3, 0, 0, 0]) + os.urandom(300))
                except OSError:
                    pass
            return 0
        """,
    ),
    "announces_too_much": (
        "announces a message of four gigabytes",
        False,
        """
        import os, socket
        def double(x):
            for fd in range(3, 64):
                try:
                    socket.socket(fileno=os.dup(fd)).send(bytes([255] * 4))
                except OSError:
                    pass
            return 0
        """,
    ),
    "thread_on_the_wire": (
        "a thread writes into the channel as long as it lives",
        False,
        """
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
        """,
    ),
    "early_exit": (
        "ends the process with status 0 when a test calls",
        False,
        """
        import os
        def double(x): os._exit(0)
        """,
    ),
    "early_exit_of_the_answer": (
        "ends the process with status 0 while the answer's cell runs",
        False,
        """
        import os
        os._exit(0)
        """,
    ),
    "system_exit": (
        "raises SystemExit in a test",
        False,
        """
        import sys
        def double(x): sys.exit(0)
        """,
    ),
    "keyboard_interrupt": (
        "raises KeyboardInterrupt in a test",
        False,
        """
        def double(x): raise KeyboardInterrupt
        """,
    ),
    "generator_exit": (
        "raises GeneratorExit in a test, which no except Exception catches",
        False,
        """
        def double(x): raise GeneratorExit
        """,
    ),
    "closed_descriptors": (
        "closes every file that the process has open",
        False,
        """
        import os
        def double(x):
            os.closerange(0, 256)
            return 0
        """,
    ),
    "exception_class": (
        "raises an exception of a class that is not to be had elsewhere, equal to every class",
        False,
        """
        class Meta(type):
            def __eq__(self, other): return True
            __hash__ = type.__hash__
        class Odd(Exception, metaclass=Meta): pass
        def double(x): raise Odd("ignore me")
        """,
    ),
    "hostile_message": (
        "an exception whose text is code that raises, after a name of 100,000 letters",
        False,
        """
        class Loud(Exception):
            def __str__(self): raise Loud
            __repr__ = __str__
        Loud.__name__ = "L" * 100_000
        def double(x): raise Loud(Loud, [Loud])
        """,
    ),
    "huge_message": (
        "an exception with ten million letters and control characters",
        False,
        """
        def double(x): raise ValueError("\\x1b[2J\\u202e<script>\\ud800" * 1_000_000)
        """,
    ),
    "recursion": (
        "calls itself until the stack ends",
        False,
        """
        def double(x): return double(x)
        """,
    ),
    "huge_number": (
        "a whole number of a million digits",
        False,
        """
        def double(x): return 10 ** 1_000_000
        """,
    ),
    "huge_value": (
        "200 MB of bytes",
        False,
        """
        def double(x): return bytes(200 * 2**20)
        """,
    ),
    "huge_shape": (
        "an array of no bytes and an impossible shape, which it says holds many numbers",
        False,
        """
        import numpy as np
        def double(x): return np.broadcast_to(np.float64(6), (10**6, 10**5))
        """,
    ),
    "deep_value": (
        "lists in lists, ten thousand deep",
        False,
        """
        def double(x):
            value = 6
            for _ in range(10_000):
                value = [value]
            return value
        """,
    ),
    "list_of_itself": (
        "a list that contains itself",
        False,
        """
        def double(x):
            value = [6]
            value.append(value)
            return value
        """,
    ),
    "colliding_keys": (
        "a dict whose keys all have the same hash",
        False,
        """
        def double(x): return {n * (2**61 - 1): 6 for n in range(1000)}
        """,
    ),
    "endless_generator": (
        "a generator that never ends",
        False,
        """
        def double(x):
            while True:
                yield 6
        """,
    ),
    "endless_loop": (
        "never returns",
        False,
        """
        def double(x):
            while True:
                pass
        """,
    ),
    "endless_output": (
        "prints without end",
        False,
        """
        def double(x):
            for _ in range(20_000):
                print("6" * 1000)
            return 0
        """,
    ),
    "stopped_clock": (
        "ignores every signal and sleeps past the limit",
        False,
        """
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        def double(x): time.sleep(3600)
        """,
    ),
}

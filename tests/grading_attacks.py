"""Answers that break the protocol between the two processes; `attacks` has those that try to win points."""

BREAKING = {
    # Hands out handles of every number, and of functions that the tests never passed.
    "forged_handles": """
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
    # Changes the test's arrays and breaks off at once, so that later cells compute from the changed ones.
    "zeroed_for_good": """
        from course_utils.grading import worker
        from course_utils.grading.wire import encode
        import numpy as np
        zeros = encode(np.zeros(3))
        def changed(memo, before, leave):
            return [*((n, zeros) for n in range(len(memo.objects))), (0, b"?")]
        worker.changed = changed
        def double(x): return x * 0
        """,
    # Sends bytes that are no message.
    "garbage_on_the_wire": """
        import os, socket
        def double(x):
            for fd in range(3, 64):
                try:
                    socket.socket(fileno=os.dup(fd)).send(bytes([3, 0, 0, 0]) + os.urandom(300))
                except OSError:
                    pass
            return 0
        """,
    # Announces a message of four gigabytes.
    "announces_too_much": """
        import os, socket
        def double(x):
            for fd in range(3, 64):
                try:
                    socket.socket(fileno=os.dup(fd)).send(bytes([255] * 4))
                except OSError:
                    pass
            return 0
        """,
    # Raises an exception of a class that is not to be had elsewhere, equal to every class.
    "exception_class": """
        class Meta(type):
            def __eq__(self, other): return True
            __hash__ = type.__hash__
        class Odd(Exception, metaclass=Meta): pass
        def double(x): raise Odd("ignore me")
        """,
    # An exception with ten million letters and control characters.
    "huge_message": """
        def double(x): raise ValueError("\x1b[2J\u202e<script>\ud800" * 1_000_000)
        """,
    # A whole number of a million digits.
    "huge_number": """
        def double(x): return 10 ** 1_000_000
        """,
    # Lists in lists, ten thousand deep.
    "deep_value": """
        def double(x):
            value = 6
            for _ in range(10_000):
                value = [value]
            return value
        """,
    # A generator that never ends.
    "endless_generator": """
        def double(x):
            while True:
                yield 6
        """,
}

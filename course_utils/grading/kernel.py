"""Linux system calls that Python 3.11 has no functions for: namespaces, mounts, capabilities."""

from __future__ import annotations

import ctypes
import os
import struct

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x20000, 0x8000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 1, 2, 4, 8, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
MADV_COLLAPSE = 25
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
_libc.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what} was refused ({os.strerror(code)})")


def unshare(flags: int) -> None:
    """Give this process namespaces of its own; a PID namespace is for its children."""
    _check(_libc.unshare(flags), "a namespace of its own")


def set_namespace(descriptor: int, kind: int) -> None:
    """Enter a namespace, or for a PID namespace let children be started in it."""
    _check(_libc.setns(descriptor, kind), "going back to a namespace")


def map_user(uid: int, gid: int) -> None:
    """In a new user namespace, keep this user's and group's numbers; no other exists there."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system."""
    words = [word.encode() or None for word in (source, target, kind)]
    _check(_libc.mount(*words, flags, options.encode() or None), f"mounting on {target}")


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "a signal at the parent's end")


def make_dumpable() -> None:
    """Own the files of ``/proc/self`` again after a change of user."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "owning /proc/self")


def drop_capabilities() -> None:
    """Give up all capabilities, for good and for all that this process starts."""
    number = 0
    while _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
        number += 1
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "dropping capabilities")
    head = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    none = ctypes.create_string_buffer(24)
    _check(_libc.capset(head, none), "dropping capabilities")


def collapse_memory() -> None:
    """Put this process's own memory on huge pages: a fork then copies 512 times fewer entries.

    Where the kernel can't (before Linux 6.1), nothing happens.
    """
    large = 2 * 2**20
    with open("/proc/self/maps") as file:
        areas = [line.split() for line in file]
    for span, rights, *_, name in areas:
        if rights.startswith("rw") and (name == "[heap]" or name == "0"):
            first, last = (int(address, 16) for address in span.split("-"))
            first, last = -(-first // large) * large, last // large * large
            if first < last:
                _libc.madvise(first, last - first, MADV_COLLAPSE)

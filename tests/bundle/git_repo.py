"""A policy repository in git, for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from small_policy import write_policies

from dataplane.bundle.keys import KeyPair, SigningKey, keygen, load_signing_key
from dataplane.bundle.pins import Channel, read_channel

AUTHOR = "Ada Lovelace <ada@example.org>"


class GitRepo:
    """`root` holds policies/ and bundles/ with the channels dev, staging and prod, committed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bundles = root / "bundles"
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada Lovelace")
        self.git("config", "user.email", "ada@example.org")
        write_policies(root / "policies")
        self.write("dev", "# the first one\nchannel: dev\n")
        self.write("staging", "channel: staging\nafter: dev\n")
        self.write("prod", "channel: prod\nafter: staging\n")
        self.commit("begin")

    def git(self, *words: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True, env=env
        )
        return done.stdout.strip()

    def write(self, channel: str, text: str) -> None:
        path = self.bundles / "channels" / f"{channel}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def change_policy(self, number: int) -> str:
        """Other content, committed."""
        tiers = self.root / "policies/data/tiers.yaml"
        tiers.write_text(f"default:\n  models: [gpt-4o-mini]\n  price: 0.{number}\n")
        return self.commit(f"Price 0.{number}")

    def channel(self, name: str) -> Channel:
        return read_channel(self.bundles, name)

    def approver(self, name: str) -> tuple[SigningKey, str]:
        """A key of a person, and the line that lists it under `approvers`."""
        pair: KeyPair = keygen(self.root.parent / "private" / name.replace(" ", "-"))
        folder = self.bundles / "approvers"
        folder.mkdir(exist_ok=True)
        (folder / f"{pair.keyid}.pub.pem").write_text(pair.public.read_text())
        line = f'  - {{name: "{name}", key: approvers/{pair.keyid}.pub.pem}}\n'
        return load_signing_key(pair.private), line

"""Steady load from a few threads, each call told apart."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx2
from e2e_gateway import Gateway


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got: status 0 where the connection broke."""

    status: int
    request_id: str = ""
    reasons: tuple[str, ...] = ()
    revision: str = ""
    decision: str = ""


class Load:
    """`with Load(gateway) as load:` calls all the time until the block ends; `answers` in order of ending."""

    def __init__(self, gateway: Gateway, *, threads: int = 4, **changes: Any) -> None:
        self.answers: list[Answer] = []
        self._url = f"{gateway.base_url}/chat/completions"
        self._headers = {"Authorization": f"Bearer {gateway.key}"}
        message = {"role": "user", "content": "load"}
        self._body = {"model": "gpt-4o-mini", "messages": [message], **changes}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        with httpx2.Client(timeout=20) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._url, json=self._body, headers=self._headers)
                except httpx2.HTTPError:
                    self.answers.append(Answer(0))
                    self._stop.wait(0.02)
                    continue
                headers = answer.headers
                self.answers.append(
                    Answer(
                        answer.status_code,
                        headers["x-request-id"],
                        tuple(headers["x-regogate-reasons"].split(",")),
                        headers["x-regogate-policy-revision"],
                        headers["x-regogate-decision"],
                    )
                )
                if answer.status_code != 200:
                    self._stop.wait(0.005)

    def count(self, status: int) -> int:
        return sum(answer.status == status for answer in list(self.answers))

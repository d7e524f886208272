"""A moderation service of OpenAI's shape, in threads of its own, that says and does what a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUDE = "blockhead"
"""What it takes for hate, with a score of .91; other texts have .02."""


class ModerationService:
    """`questions` and `keys` in order of arrival. `status` and `body` are answered in place of opinions;
    nothing is answered while `answers` is not set."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.status = 200
        self.body: bytes | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        return [text for question in self.questions for text in question["input"]]

    def answer(self, question: dict[str, Any]) -> bytes:
        results = []
        for text in question["input"]:
            score = 0.91 if RUDE in text else 0.02
            results.append(
                {
                    "flagged": score > 0.5,
                    "categories": {"hate": score > 0.5, "violence": False, "illicit": None},
                    "category_scores": {"hate": score, "violence": 0.004, "illicit": None},
                }
            )
        return json.dumps({"id": "modr-1", "model": "m", "results": results}).encode()


@contextmanager
def moderation_service() -> Iterator[ModerationService]:
    service = ModerationService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            question = json.loads(body) if self.path == "/v1/moderations" else {"input": [self.path]}
            service.keys.append(self.headers["authorization"])
            service.questions.append(question)
            service.answers.wait(20)
            said = service.answer(question) if service.body is None else service.body
            self.send_response(service.status)
            self.send_header("location", f"{service.url}/elsewhere")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            return  # whoever asked has left

    with Server(("127.0.0.1", 0), Handler) as server:
        service.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.answers.set()
            server.shutdown()
            thread.join(5)

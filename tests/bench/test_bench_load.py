"""The callers, against a server that answers as told."""

import asyncio
import json

import pytest

from bench.exchange import ANSWER, QUESTION, request
from bench.load import answer_size, carry_out


def test_the_question_is_a_chat_call_of_about_600_bytes():
    assert 450 <= len(QUESTION) <= 750
    assert json.loads(QUESTION)["messages"]


def test_the_request_carries_the_key_where_there_is_one():
    asked = request("127.0.0.1:1", "/v1/chat/completions", "k")
    head, _, body = asked.partition(b"\r\n\r\n")
    assert b"authorization: Bearer k" in head
    assert b"content-length: %d" % len(body) in head
    assert b"authorization" not in request("127.0.0.1:1", "/v1/chat/completions", None)


def test_an_answer_is_as_long_as_it_says():
    assert answer_size(ANSWER) == len(ANSWER)
    assert answer_size(ANSWER + b"more") == len(ANSWER)
    assert answer_size(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == 43


def test_a_head_that_is_not_whole_has_no_length_yet():
    assert answer_size(ANSWER[:20]) is None


def test_an_answer_without_length_is_an_error():
    with pytest.raises(ValueError, match="Content-Length"):
        answer_size(b"HTTP/1.1 200 OK\r\n\r\n")


def load(answer):
    """One short window of two callers at a server that sends `answer` for what it reads; None hangs up."""

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            if answer is None:
                self.transport.close()
            else:
                self.transport.write(answer[:10])
                self.transport.write(answer[10:])

    async def run():
        async with await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0) as server:
            order = {
                "port": server.sockets[0].getsockname()[1],
                "request": "GET / HTTP/1.1\r\n\r\n",
                "connections": 2,
                "warm_up_s": 0.02,
                "seconds": 0.1,
            }
            return await carry_out(order)

    return asyncio.run(run())


def test_callers_ask_again_when_they_have_their_answer():
    outcome = load(ANSWER)
    assert outcome["total"] > outcome["requests"] > 2
    assert outcome["latencies_us"].total() == outcome["requests"]
    assert (outcome["refused"], outcome["lost"]) == (0, 0)


def test_refusals_are_counted():
    outcome = load(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
    assert outcome["refused"] == outcome["total"] > 0


def test_lost_connections_are_counted():
    outcome = load(None)
    assert outcome["lost"] == 2
    assert outcome["total"] == 0

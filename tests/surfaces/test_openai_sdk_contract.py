"""The official SDK, on a transport in memory, raises its typed errors for what this room answers."""

from collections.abc import Iterator

import httpx2
import openai
import pytest
from surface_calls import SURFACE, chat, decision, head, read_call, read_chat, state

from dataplane.domain import Reply
from dataplane.errors import Refused, blocked_by_policy, limited

CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    b'"delta":{"content":"Hel"},"finish_reason":null}]}\n\n'
)


def client(reply: Reply) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(reply.status, headers=list(reply.headers), content=reply.body)

    return openai.OpenAI(
        base_url="http://gateway.test/v1",
        api_key="k",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (Refused("gateway.invalid_field", param="n"), openai.BadRequestError),
        (Refused("gateway.unauthenticated"), openai.AuthenticationError),
        (blocked_by_policy(("request.x",), 403, "policy_blocked"), openai.PermissionDeniedError),
        (blocked_by_policy(("request.x",), 404, "model_not_found"), openai.NotFoundError),
        (Refused("gateway.body_too_large"), openai.APIStatusError),
        (limited("client.rpm", 3), openai.RateLimitError),
        (Refused("gateway.policy_unavailable"), openai.InternalServerError),
    ],
)
def test_a_refusal_raises_the_typed_error_with_its_fields(
    refused: Refused, error: type[openai.APIStatusError]
) -> None:
    with (
        client(SURFACE.refuse(refused, state(decided=True))) as api,
        pytest.raises(error) as caught,
    ):
        api.chat.completions.create(**chat())
    raised = caught.value
    assert (raised.status_code, raised.code, raised.type) == (refused.status, refused.code, refused.type)
    assert raised.param == refused.param
    assert isinstance(raised.body, dict)
    assert raised.body["reasons"] == list(refused.reasons)


def streamed(body: bytes) -> Iterator[str]:
    reply = Reply(status=200, headers=((b"content-type", b"text/event-stream"),), body=body)
    with client(reply) as api, api.chat.completions.create(**chat(stream=True)) as stream:
        for chunk in stream:
            yield chunk.choices[0].delta.content


def test_a_cut_stream_raises_after_what_came_before() -> None:
    reader = read_chat(chat(stream=True)).exchange()
    body = reader.feed(CHUNK) + reader.cut(Refused("gateway.upstream_timeout"), state(decided=True))
    texts: list[str] = []
    with pytest.raises(openai.APIError) as caught:
        texts.extend(streamed(body))
    assert caught.value.code == "upstream_timeout"
    assert caught.value.type == "server_error"


def test_a_stream_that_lacked_its_terminator_ends_in_order() -> None:
    reader = read_chat(chat(stream=True)).exchange()
    body = reader.feed(CHUNK + CHUNK.replace(b"null}", b'"stop"}')) + reader.end()
    assert list(streamed(body)) == ["Hel", "Hel"]


def test_models_are_listed_and_retrieved() -> None:
    _, listing = read_call(head("GET", "/v1/models", headers=()))
    with client(listing.answer(decision(visible=("b", "a")))) as api:
        assert [model.id for model in api.models.list()] == ["a", "b"]
    _, one = read_call(head("GET", "/v1/models/demo", headers=()))
    with client(one.answer(decision())) as api:
        assert api.models.retrieve("demo").owned_by == "regogate"

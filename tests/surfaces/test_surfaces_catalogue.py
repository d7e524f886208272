import pytest

from dataplane.surfaces.catalogue import match


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("HEAD", "/v1/models"),
        ("OPTIONS", "/v1/models"),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/demo"),
        ("POST", "/v1/chat/completions/"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/demo/"),
        ("POST", "/chat/completions"),
        ("POST", "/V1/chat/completions"),
        ("post", "/v1/chat/completions"),
        ("POST", "/v1/responses"),
        ("GET", "/"),
        ("", ""),
    ],
)
def test_what_is_not_listed_is_not_matched(method: str, path: str) -> None:
    assert match(method, path) is None


def test_operations_have_their_ids_and_upstream_paths() -> None:
    chat = match("POST", "/v1/chat/completions")
    models = match("GET", "/v1/models")
    assert chat is not None
    assert models is not None
    assert (chat.id, chat.upstream_path) == ("chat.completions.create", "/chat/completions")
    assert models.id == "models.list"


@pytest.mark.parametrize("model", ["demo", "openai/gpt-4o", "ft:gpt-4o:acme::7p4lURel", "a%2Fb"])
def test_a_model_id_is_all_that_follows_the_prefix(model: str) -> None:
    operation = match("GET", f"/v1/models/{model}")
    assert operation is not None
    assert operation.id == "models.retrieve"
    assert operation.params == {"model": model}

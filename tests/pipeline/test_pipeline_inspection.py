"""What is found in request and answer, and what becomes of it, by the judge of one call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state

from dataplane.correlation import correlation_of
from dataplane.domain import (
    AnswerTerms,
    AuditLevel,
    CallFacts,
    CallState,
    Constraints,
    Identity,
    Outcome,
    Verdict,
)
from dataplane.errors import Refused
from dataplane.findings import Origin, ProposedCall, Text, selects
from dataplane.surfaces.proposed_call import propose

WORDS = {"bob@x.example": "pii.email", "s3cr3t": "secret.key", "ignore": "injection"}
ASKED = AnswerTerms(inspect=("pii", "secret"), ask="findings", tool_calls="ask")


def house(terms: AnswerTerms = ASKED, **more: Any) -> FakeHouse:
    made = FakeHouse()
    made.detector = FakeDetector(made.journal, WORDS)
    made.decision = decision(response=terms, **more)
    made.surface.said = [
        Text(text="ask bob@x.example", origin=Origin.USER, place=("a",)),
        Text(text="he is bob@x.example", origin=Origin.TOOL_RESULT, place=("b",)),
    ]
    return made


def answers(made: FakeHouse, *texts: str, origin: Origin = Origin.OUTPUT) -> None:
    made.surface.answered = [
        Text(text=text, origin=origin, place=(index,)) for index, text in enumerate(texts)
    ]


def proposed(arguments: str, call_id: str | None = "call_1") -> ProposedCall:
    texts = (Text(text=arguments, origin=Origin.TOOL_ARGUMENTS, place=()),)
    return ProposedCall(
        choice=0, index=0, id=call_id, name="send", arguments=arguments, valid=True, texts=texts
    )


def run(made: FakeHouse, path: str = "/chat") -> tuple[CallState, FakeClient]:
    state, client = new_state(path=path), FakeClient(made.journal)
    asyncio.run(made.pipeline().handle(state, client, None))
    return state, client


def redacts(*patterns: str) -> dict[str, Any]:
    return {
        "verdict": Verdict.CONSTRAIN,
        "reasons": ("response.signal.redact",),
        "constraints": Constraints(redact=patterns),
    }


def test_texts_are_looked_at_before_policy_is_asked() -> None:
    made = house(AnswerTerms())
    state, _ = run(made)
    assert made.journal.index("look 2") < made.journal.index("ask")
    assert [one.origin for one in state.inspection.findings] == [Origin.USER, Origin.TOOL_RESULT]
    assert state.inspection.risk == 90


def test_a_call_without_texts_is_not_looked_at() -> None:
    made = house(AnswerTerms())
    made.surface.said = []
    run(made)
    assert not [line for line in made.journal if line.startswith("look")]


def test_what_is_to_be_redacted_in_the_request_is_written_before_the_record() -> None:
    made = house(
        AnswerTerms(), verdict=Verdict.CONSTRAIN, constraints=Constraints(redact=("pii.*@tool_result",))
    )
    state, _ = run(made)
    assert made.journal.index("rewrite {1: 'he is [PII.EMAIL]'}") < made.journal.index("intent")
    assert state.redactions == 1


def test_without_a_detector_nothing_that_is_to_be_redacted_or_inspected_passes() -> None:
    for terms, constraints in ((ASKED, Constraints()), (AnswerTerms(), Constraints(redact=("pii",)))):
        made = house(terms, constraints=constraints)
        answers(made, "he is bob@x.example")
        made.detector = None
        state, client = run(made)
        if constraints.redact:
            assert state.redactions == 0  # nothing was found, so nothing is demanded
        else:
            assert client.status == 503
            assert b"bob" not in client.sent


def test_an_answer_passes_untouched_where_nothing_is_to_be_inspected() -> None:
    made = house(AnswerTerms())
    answers(made, "bob@x.example")
    state, client = run(made)
    assert client.sent == b"answer"
    assert (state.answer_findings, made.questions) == ((), [])


def test_a_clean_answer_is_not_asked_about_unless_always() -> None:
    for ask, asked in (("findings", 0), ("always", 1), ("never", 0)):
        made = house(AnswerTerms(inspect=("pii",), ask=ask))  # type: ignore[arg-type]
        answers(made, "hello")
        _, client = run(made)
        assert client.sent == b"as read"
        assert len(made.questions) == asked


def test_what_nobody_is_asked_about_is_noted_only() -> None:
    made = house(AnswerTerms(inspect=("pii",), ask="never"))
    answers(made, "bob@x.example")
    state, client = run(made)
    assert (client.sent, made.questions) == (b"as read", [])
    assert [one.kind for one in state.answer_findings] == ["pii.email"]


def test_a_finding_in_an_answer_is_asked_about_recorded_and_redacted() -> None:
    made = house()
    answers(made, "clean", "he is bob@x.example, ignore s3cr3t")
    made.later["response"] = decision(**redacts("pii"))
    state, client = run(made)
    assert client.sent == repr({1: "he is [PII.EMAIL], ignore s3cr3t"}).encode()
    (question,) = made.questions
    assert [one.kind for one in question.findings] == ["pii.email", "secret.key"]
    assert question.about == {"uninspected_bytes": 0, "finish_reason": "stop", "tokens": 2}
    assert made.journal.index("record response CONSTRAIN") < made.journal.index("client 200")
    assert (state.verdict, state.reasons) == (Verdict.CONSTRAIN, ("response.signal.redact",))
    assert client.headers[b"x-regogate-reasons"] == b"response.signal.redact"
    assert (state.redactions, state.outcome) == (1, Outcome.OK)


def test_a_refused_answer_is_not_shown_and_its_completion_says_why() -> None:
    made = house()
    answers(made, "bob@x.example")
    made.later["response"] = decision(Verdict.BLOCK, reasons=("response.signal.data",))
    state, client = run(made)
    assert (client.status, client.sent) == (403, b"policy_blocked")
    assert client.headers[b"x-regogate-decision"] == b"BLOCK"
    assert made.outcomes == [Outcome.POLICY_CUT]
    assert state.reasons == ("response.signal.data",)


@pytest.mark.parametrize("fails", ["policy_fails", "judged_fails"])
def test_an_answer_whose_decision_is_missing_or_not_recorded_does_not_pass(fails: str) -> None:
    made = house()
    answers(made, "bob@x.example")

    class Late(FakeDetector):
        async def look(self, texts: Any) -> Any:
            if made.journal.count("send"):
                setattr(made, fails, Refused("gateway.audit_unavailable"))
            return await super().look(texts)

    made.detector = Late(made.journal, WORDS)
    state, client = run(made)
    assert (client.status, state.verdict) == (503, Verdict.BLOCK)
    assert b"bob" not in client.sent
    assert made.outcomes == [Outcome.POLICY_CUT]


def test_each_proposed_call_is_asked_about_and_recorded_before_the_answer_goes_on() -> None:
    made = house()
    answers(made, "to bob@x.example", origin=Origin.TOOL_ARGUMENTS)
    made.surface.calls = [proposed("to bob@x.example"), proposed("to nobody", "call_2")]
    made.later["tool_call"] = decision(**redacts("pii.email"))
    state, client = run(made)
    assert [question.stage for question in made.questions] == ["tool_call", "tool_call"]
    assert made.questions[0].about == {
        "name": "send",
        "id": "call_1",
        "valid": True,
        "bytes": 16,
        "arguments": {},
    }
    assert [one.kind for one in made.questions[0].findings] == ["pii.email"]
    assert made.journal.count("record tool_call CONSTRAIN") == 2
    assert client.sent == repr({0: "to [PII.EMAIL]"}).encode()
    assert len(state.answer_findings) == 1


def test_policy_is_not_told_the_value_of_an_argument_in_which_something_was_found() -> None:
    made = house()
    arguments = '{"to": "bob@x.example", "n": {"key": "s3cr3t"}, "city": "Oslo", "all": ["s3cr3t"]}'
    made.surface.calls = [propose(0, 0, "call_1", "send", arguments)]
    run(made)
    (question,) = made.questions
    facts = question.about["arguments"]
    assert {name: fact.get("value") for name, fact in facts.items()} == {
        "to": None,
        "n": None,
        "n.key": None,
        "all": None,
        "city": "Oslo",
    }
    assert facts["to"] == {"type": "string", "bytes": 13}
    assert question.about["valid"]


def test_policy_is_told_no_name_and_no_id_of_a_call_in_which_something_was_found() -> None:
    made = house()
    made.surface.calls = [propose(0, 0, "s3cr3t", "send", "{}"), propose(0, 1, "call_2", "s3cr3t", "{}")]
    state, _ = run(made)
    one, other = (question.about for question in made.questions)
    assert (one["name"], "id" in one) == ("send", False)
    assert (other["name"], other["id"]) == ("", "call_2")
    assert state.answer_findings == ()  # the stage response is asked about the texts of the answer


def test_arguments_with_names_in_which_something_was_found_are_not_told_and_count_as_unreadable() -> None:
    made = house()
    made.surface.calls = [propose(0, 0, "call_1", "send", '{"bob@x.example": 1, "city": "Oslo"}')]
    run(made)
    (question,) = made.questions
    assert (question.about["arguments"], question.about["valid"]) == ({}, False)


def test_what_stands_in_a_call_beside_its_arguments_is_asked_about_with_the_answer() -> None:
    made = house()
    answers(made, "to bob@x.example", "s3cr3t", origin=Origin.TOOL_ARGUMENTS)
    made.surface.calls = [proposed("to bob@x.example")]
    made.later["response"] = decision(**redacts("secret"))
    _, client = run(made)
    assert [question.stage for question in made.questions] == ["tool_call", "response"]
    assert [one.kind for one in made.questions[1].findings] == ["secret.key"]
    assert client.sent == repr({1: "[SECRET.KEY]"}).encode()


def test_a_refused_call_of_a_tool_refuses_the_answer() -> None:
    made = house()
    made.surface.calls = [proposed("{}")]
    made.later["tool_call"] = decision(Verdict.BLOCK, reasons=("tool_call.tools.denied",))
    _, client = run(made)
    assert (client.status, made.outcomes) == (403, [Outcome.POLICY_CUT])
    assert "record tool_call BLOCK" in made.journal


def test_where_calls_pass_their_arguments_are_texts_of_the_answer() -> None:
    made = house(AnswerTerms(inspect=("pii",), ask="findings"))
    answers(made, "to bob@x.example", origin=Origin.TOOL_ARGUMENTS)
    made.surface.calls = [proposed("to bob@x.example")]
    made.later["response"] = decision(**redacts("pii"))
    _, client = run(made)
    assert [question.stage for question in made.questions] == ["response"]
    assert client.sent == repr({0: "to [PII.EMAIL]"}).encode()


def test_what_was_redacted_on_the_way_out_stands_in_the_answer_again_where_the_terms_say_so() -> None:
    for restore, expected in ((True, repr({0: "mail bob@x.example"}).encode()), (False, b"answer")):
        made = house(
            AnswerTerms(restore=restore), verdict=Verdict.CONSTRAIN, constraints=Constraints(redact=("pii",))
        )
        answers(made, "mail [PII.EMAIL]")
        _, client = run(made)
        assert client.sent == expected


def test_a_providers_error_is_looked_at_too() -> None:
    made = house()
    made.reply_status, made.pieces = 400, [b'{"error": "no such bob@x.example"}']
    made.later["response"] = decision(**redacts("pii"))
    state, client = run(made)
    assert (client.status, client.sent) == (400, b'{"error": "no such [PII.EMAIL]"}')
    assert state.outcome is Outcome.UPSTREAM_ERROR


def test_patterns_mean_kinds_families_and_beginnings_at_all_origins_or_one() -> None:
    for pattern in ("pii.email", "pii", "pii.*", "pii.e*", "*", "pii@user", "*@user"):
        assert selects([pattern], "pii.email", Origin.USER)
    for pattern in ("pii.mail", "pi", "pii.emai", "piimail", "pii@output", "", "secret*"):
        assert not selects([pattern], "pii.email", Origin.USER)
    assert not selects([], "pii.email", Origin.USER)


def called(*headers: str, client: str = "demo", **facts: Any) -> CallState:
    state = new_state()
    pairs = tuple((b"x-correlation-id", value.encode()) for value in headers)
    object.__setattr__(state.head, "headers", pairs)
    state.facts = CallFacts(**facts)
    state.identity = Identity(client_id=client, method="api_key")
    return state


def test_the_caller_or_the_conversation_or_the_first_call_of_a_tool_ties_calls_together() -> None:
    assert correlation_of(called()) is None
    assert correlation_of(called("loop-7", conversation_id="c", first_tool_call_id="t")) == "loop-7"
    assert correlation_of(called(conversation_id="conv_1", first_tool_call_id="t")) == "conv_1"
    for named in ("a b", "ada@example.org"):
        odd = correlation_of(called(conversation_id=named))
        assert odd is not None
        assert odd.startswith("conversation-")
    tied = correlation_of(called(first_tool_call_id="call_1"))
    assert tied is not None
    assert tied.startswith("tool-")
    assert tied != correlation_of(called(first_tool_call_id="call_1", client="other"))


def test_the_first_call_of_a_loop_is_tied_by_the_call_that_its_answer_proposes() -> None:
    made = house()
    made.surface.calls = [proposed("{}")]
    state, _ = run(made)
    assert state.correlation_id == correlation_of(called(first_tool_call_id="call_1"))


@pytest.mark.parametrize("values", [("a b",), ("",), ("x" * 129,), ("é",), ("one", "two")])
def test_a_correlation_id_that_is_none_is_refused(values: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        correlation_of(called(*values))
    assert caught.value.reasons == ("gateway.bad_header",)
    assert caught.value.status == 400


def test_level_full_keeps_texts_without_personal_data_and_secrets_whatever_policy_lets_pass() -> None:
    made = house(AnswerTerms(), audit=AuditLevel.FULL)
    made.surface.said = [
        Text(text="ignore bob@x.example", origin=Origin.USER, place=("a",)),
        Text(text="\ud83d s3cr3t", origin=Origin.SYSTEM, place=("b",)),
    ]
    answers(made, "he is bob@x.example")
    state, client = run(made)
    assert client.sent == b"answer"
    assert json.loads(state.content or "") == [
        {"origin": "user", "text": "ignore [PII.EMAIL]"},
        {"origin": "system", "text": "? [SECRET.KEY]"},
    ]
    assert json.loads(state.answer_content or "") == [{"origin": "output", "text": "he is [PII.EMAIL]"}]
    assert state.redactions == 0


def test_level_full_keeps_neither_what_policy_redacts_nor_what_a_sites_own_patterns_find() -> None:
    terms = AnswerTerms(inspect=("injection",), ask="findings")
    made = house(terms, audit=AuditLevel.FULL, **redacts("injection"))
    made.detector = FakeDetector(made.journal, {**WORDS, "bluebird": "custom.names"})
    made.surface.said = [Text(text="ignore bluebird", origin=Origin.USER)]
    answers(made, "bluebird, ignore")
    made.later["response"] = decision(audit=AuditLevel.FULL, **redacts("injection"))
    state, _ = run(made)
    assert json.loads(state.content or "") == [{"origin": "user", "text": "[INJECTION] [CUSTOM.NAMES]"}]
    assert json.loads(state.answer_content or "") == [
        {"origin": "output", "text": "[CUSTOM.NAMES], [INJECTION]"}
    ]


def test_no_other_level_keeps_content_nor_does_an_inspection_that_failed() -> None:
    made = house(audit=AuditLevel.METADATA)
    answers(made, "hello")
    state, _ = run(made)
    assert (state.content, state.answer_content) == (None, None)
    made = house(AnswerTerms(), audit=AuditLevel.FULL)
    made.detector = FakeDetector(made.journal, {**WORDS, "ask": "inspection.failed"})
    answers(made, "hello")
    state, _ = run(made)
    assert state.content is None
    assert state.answer_content == '[{"origin":"output","text":"hello"}]'


@pytest.mark.parametrize("level", list(AuditLevel))
def test_a_later_stage_lowers_the_level_of_records_and_never_raises_it(level: AuditLevel) -> None:
    for said in AuditLevel:
        made = house(audit=level)
        answers(made, "he is bob@x.example")
        made.later["response"] = decision(audit=said)
        state, _ = run(made)
        stored = list(AuditLevel)
        assert stored.index(state.audit) == max(stored.index(level), stored.index(said))
        assert (state.answer_content is not None) == (level is said is AuditLevel.FULL)


def test_a_blocked_request_is_kept_too_and_what_is_too_long_is_cut() -> None:
    made = house(AnswerTerms(), verdict=Verdict.BLOCK, audit=AuditLevel.FULL)
    made.surface.said = [
        Text(text="x" * 150_000, origin=Origin.USER),
        Text(text="y" * 60_000, origin=Origin.USER),
    ]
    state, _ = run(made)
    kept = json.loads(state.content or "")
    assert [len(one["text"]) for one in kept[:2]] == [150_000, 50_000]
    assert kept[2] == {"omitted": 10_000}

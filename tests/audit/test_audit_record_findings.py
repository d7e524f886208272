"""What records say of findings, of later stages, and of what ties calls together."""

import asyncio
import json
from pathlib import Path
from typing import Any

from audit_kit import KEY, REVISION, Scene, call, decision, ended
from typer.testing import CliRunner

from dataplane.audit.draft import GENESIS, Draft
from dataplane.audit.record import Recorder
from dataplane.cli.audit import app
from dataplane.domain import CallFacts, Constraints, Outcome, Verdict
from dataplane.findings import Finding, Inspection, Level, Origin, Span
from dataplane.inspection_ports import Question
from dataplane.installation import write_json

RECORDER = Recorder(key=KEY, writer="w-1")
TOOL = Question(
    stage="tool_call",
    about={"name": "delete_records", "id": "call_1", "valid": True, "bytes": 2, "arguments": {}},
)


def found(kind: str, origin: Origin, level: Level = Level.MEDIUM) -> Finding:
    return Finding(kind=kind, level=level, score=60, origin=origin, spans=(Span(0, 0, 1),))


def fields(draft: Draft) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(draft.placed(1, GENESIS))
    return told


def test_findings_are_told_by_kind_level_origin_and_count() -> None:
    state = call()
    state.inspection = Inspection(
        findings=(
            found("pii.email", Origin.USER),
            found("pii.email", Origin.USER),
            found("pii.email", Origin.TOOL_RESULT),
            found("injection", Origin.USER, Level.HIGH),
        ),
        risk=83,
        data_class="confidential",
    )
    state.redactions = 1
    told = fields(RECORDER.intent(state))
    assert told["findings"] == [
        "injection:high:user:1",
        "pii.email:medium:tool_result:1",
        "pii.email:medium:user:2",
    ]
    assert (told["risk"], told["data_class"], told["redactions"]) == (83, "confidential", 1)


def test_a_completion_tells_the_findings_of_the_answer() -> None:
    state = ended(call())
    state.inspection = Inspection(findings=(found("pii.email", Origin.USER),))
    state.answer_findings = (found("secret.generic", Origin.OUTPUT),)
    told = fields(RECORDER.completion(state, Outcome.OK, "i-1"))
    assert told["findings"] == ["secret.generic:medium:output:1"]
    state.late_findings = (found("toxicity", Origin.USER),)
    told = fields(RECORDER.completion(state, Outcome.OK, "i-1"))
    assert told["findings"] == ["secret.generic:medium:output:1", "toxicity:medium:user:1"]


def test_definitions_of_offered_tools_are_told_by_digest() -> None:
    tools = {"search": {"type": "function", "digest": "ab12"}, "read": {"type": "function"}}
    told = fields(RECORDER.intent(call(facts=CallFacts(model="m", tools=tools))))
    assert told["tools"] == ["read@", "search@ab12"]


def test_a_later_stage_is_recorded_with_its_own_decision_revision_and_input() -> None:
    state = call()
    state.intent_id, state.correlation_id = "i-1", "loop-7"
    blocked = decision(
        verdict=Verdict.BLOCK, reasons=("tool_call.arguments.denied",), revision="8-gabc1234-0123456789ab"
    )
    draft = RECORDER.judged(state, TOOL, blocked)
    told = fields(draft)
    assert draft.kind == told["kind"] == told["stage"] == "tool_call"
    assert (told["tool"], told["tool_call_id"], told["intent_id"]) == ("delete_records", "call_1", "i-1")
    assert (told["decision"], told["policy_decision"]) == ("BLOCK", "BLOCK")
    assert told["policy_revision"] == "8-gabc1234-0123456789ab"
    assert fields(RECORDER.intent(state))["policy_revision"] == REVISION
    assert told["correlation_id"] == "loop-7"
    assert told["request_id"] == "r-1"
    assert json.loads(draft.sealed or b"")["policy_input"] == blocked.input.decode()


def test_an_answer_that_is_redacted_is_a_record_of_kind_response() -> None:
    question = Question(stage="response", about={}, findings=(found("pii.email", Origin.OUTPUT),))
    redacted = decision(verdict=Verdict.CONSTRAIN, constraints=Constraints(redact=("pii.email",)))
    told = fields(RECORDER.judged(call(), question, redacted))
    assert (told["kind"], told["findings"]) == ("response", ["pii.email:medium:output:1"])
    assert json.loads(told["constraints"]) == {"redact": ["pii.email"]}
    assert "tool" not in told


def test_a_correlation_id_tells_the_whole_story_of_a_loop(short_dir: Path) -> None:
    """The first call is tied by what its answer proposes: its intent, written before, belongs to it."""
    url = f"sqlite:///{short_dir}/regogate.db"
    write_json(short_dir / "state.json", {"database_url": url})

    async def main() -> None:
        async with Scene(url) as scene:
            first = call("r-1")
            await scene.log.intent(first)
            first.correlation_id = "loop-7"
            await scene.log.judged(first, TOOL, decision())
            scene.log.completion(ended(first), Outcome.OK)
            await scene.log.intent(call("r-2"))
            second = call("r-3", correlation_id="loop-7")
            await scene.log.intent(second)

    asyncio.run(main())
    words = ["show", "--correlation", "loop-7", "--data-dir", str(short_dir)]
    told = CliRunner().invoke(app, [*words, "--json"])
    assert told.exit_code == 0
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(row["kind"], row["request_id"]) for row in rows] == [
        ("intent", "r-1"),
        ("tool_call", "r-1"),
        ("completion", "r-1"),
        ("intent", "r-3"),
    ]
    assert "delete_records" in CliRunner().invoke(app, words, env={"COLUMNS": "200"}).stdout


def test_what_is_to_be_shown_must_be_said_once(short_dir: Path) -> None:
    for words in (["show"], ["show", "r-1", "--correlation", "x"]):
        assert CliRunner().invoke(app, [*words, "--data-dir", str(short_dir)]).exit_code == 2
    write_json(short_dir / "state.json", {"database_url": f"sqlite:///{short_dir}/regogate.db"})

    async def main() -> None:
        async with Scene(f"sqlite:///{short_dir}/regogate.db"):
            pass

    asyncio.run(main())
    unknown = CliRunner().invoke(app, ["show", "--correlation", "nobody", "--data-dir", str(short_dir)])
    assert unknown.exit_code == 1
    assert "no call has the correlation id nobody" in unknown.output

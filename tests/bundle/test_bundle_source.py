"""What lies in a policy directory is read or refused: nothing is left out in silence."""

import os
from pathlib import Path

import pytest
from small_policy import FILES, run, write_policies

from dataplane.authoring import metadata
from dataplane.bundle.check import check
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.source import MAX_REGO_BYTES, read_source

TABLE = "data/clients.yaml"
RULE = "rego/regogate/request/decision.rego"


def refused(policies: Path) -> str:
    with pytest.raises(CheckFailed) as failed:
        read_source(policies)
    (problem,) = failed.value.problems
    return f"{Path(problem.file).relative_to(policies)}: {problem.message}"


@pytest.mark.parametrize("name", [TABLE, RULE, "schemas/tables/clients.schema.json"])
def test_a_link_to_nowhere_is_no_absent_file(tmp_path: Path, name: str) -> None:
    policies = write_policies(tmp_path / "policies", {})
    (policies / name).unlink()
    (policies / name).symlink_to("nowhere")
    assert refused(policies) == f"{name}: a link to what is not there"


@pytest.mark.parametrize("name", [TABLE, RULE])
def test_a_folder_with_a_files_name_is_refused(tmp_path: Path, name: str) -> None:
    policies = write_policies(tmp_path / "policies", {})
    (policies / name).unlink()
    (policies / name).mkdir()
    assert refused(policies) == f"{name}: not a plain file"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    policies = write_policies(tmp_path / "policies", {})
    (policies / TABLE).unlink()
    os.mkfifo(policies / TABLE)
    assert refused(policies) == f"{TABLE}: not a plain file"


def test_a_link_to_a_file_is_read_as_mounted_volumes_have_them(tmp_path: Path) -> None:
    policies = write_policies(tmp_path / "policies", {})
    (policies / "data" / "..now").mkdir()
    (policies / TABLE).rename(policies / "data" / "..now" / "clients.yaml")
    (policies / TABLE).symlink_to("..now/clients.yaml")
    assert [str(path) for path in read_source(policies).tables] == ["clients.yaml", "tiers.yaml"]


def test_a_rego_file_that_opa_would_chew_on_for_minutes_is_refused(tmp_path: Path) -> None:
    text = FILES[RULE] + "# x\n" * (MAX_REGO_BYTES // 4)
    policies = write_policies(tmp_path / "policies", {RULE: text})
    assert (
        refused(policies)
        == f"{RULE}: larger than {MAX_REGO_BYTES} bytes; what there is much of goes to a table"
    )


SCHEMA = '{"type": "object", "additionalProperties": {"enum": ["shadow", "off"]}}'
IDS = 'package regogate.request\n\nblock contains "request.hours.late" if input.client == "late"\n'
TEST = 'package regogate.request_test\n\nblock contains "request.hours.lat" if input.client == "late"\n'


def test_a_mode_for_a_rule_that_does_not_exist_is_told(tmp_path: Path, opa: Path, capabilities: Path) -> None:
    changes = {
        "schemas/tables/rules.schema.json": SCHEMA,
        "data/rules.yaml": "request.hours.late: shadow\nrequest.hours.lat: shadow\n",
        "rego/regogate/request/ids.rego": IDS,
        "rego/regogate/request/ids_test.rego": TEST,
    }
    policies = write_policies(tmp_path / "policies", changes)
    (problem,) = run(check(policies, opa, capabilities))
    assert (problem.line, problem.code) == (2, "reference")
    assert problem.message == "request.hours.lat: no rule has this id; did you mean request.hours.late?"


def test_what_the_source_refuses_for_its_size_is_what_the_other_checks_leave_out() -> None:
    assert metadata.MAX_FILE_BYTES == MAX_REGO_BYTES

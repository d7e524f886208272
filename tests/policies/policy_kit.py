"""Tables, calls and batches of decisions for the tests of the policy library."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
POLICIES = ROOT / "policies"
REGO = POLICIES / "rego"
SCHEMAS = POLICIES / "schemas"
CAPABILITIES = ROOT / "opa" / "capabilities.json"
TABLES = ("clients", "tenants", "tiers", "models", "networks", "tools", "rules", "stop")
OPTIONAL = ("windows", "signals", "anomalies", "residency", "detectors")
"""Tables that a site need not have. False stands for none: no rule can tell it from an absent one."""

Document = dict[str, Any]

# Everything is bound before `with`, which evaluates its values under the input it replaces. A table
# that is not there is given as null: `with` cannot take a document away.
_BOUND = "; ".join(
    f'{t} := object.get(case.tables, "{t}", {"null" if t in TABLES else "false"})' for t in TABLES + OPTIONAL
)
_LAID_OVER = " ".join(f"with data.regogate.{t} as {t}" for t in TABLES + OPTIONAL)
_QUERY = (
    f"{{index: decision | some index, case in input; call := case.call; {_BOUND}; "
    f"prepared := data.regogate.request.prepared {_LAID_OVER}; "
    f"decision := [data.regogate.request.decision, data.regogate.request.merged] "
    f"with input as call {_LAID_OVER} with data.regogate.prepared as prepared}}"
)

CALL: Document = {
    "v": 1,
    "stage": "request",
    "tables_revision": "1-g0000000-000000000000",
    "request": {
        "id": "r-1",
        "operation": "chat.completions.create",
        "path": "/v1/chat/completions",
        "model": "gpt-4o-mini",
        "max_tokens": 512,
        "has_tools": True,
        "tools": {"search": {"type": "function"}},
    },
    "identity": {"client_id": "demo", "method": "api_key", "roles": ["agent"], "tenant": "acme"},
    "source": {"ip": "10.2.3.4", "client_cert": False},
    "time": {"unix": 1790000000, "weekday": "Mon", "hour": 9},
}


def load_tables(folder: Path) -> dict[str, Any]:
    """The tables of a folder by name, as OPA sees them."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))}


def changed(document: Mapping[str, Any], **parts: Mapping[str, Any]) -> Document:
    """A deep copy with each named part updated."""
    fresh = copy.deepcopy(dict(document))
    for name, changes in parts.items():
        fresh[name] = {**fresh.get(name, {}), **changes}
    return fresh


class Evaluator:
    """Decides batches of calls, one OPA process a batch."""

    def __init__(self, opa: Path) -> None:
        self.opa = opa

    def decide(self, cases: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Document | None]:
        """The decision of each (call, tables), None where policy left it undefined.

        The short way to a decision and the merge of every rule must agree on each of them.
        """
        batch = [{"call": call, "tables": dict(tables)} for call, tables in cases]
        command = [
            *(str(self.opa), "eval", "--format", "raw", "--stdin-input"),
            *("--capabilities", str(CAPABILITIES), "--data", str(REGO), _QUERY),
        ]
        done = subprocess.run(command, input=json.dumps(batch).encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        decided = json.loads(done.stdout)
        both = [decided.get(str(index), (None, None)) for index in range(len(batch))]
        assert [case for case, (one, other) in zip(batch, both, strict=True) if one != other] == []
        return [decision for decision, _ in both]

    def one(self, call: Document, tables: Mapping[str, Any]) -> Document:
        """The decision of one call."""
        (decision,) = self.decide([(call, tables)])
        assert decision is not None
        return decision

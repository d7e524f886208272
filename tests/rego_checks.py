"""The Rego checks of `make rego`, each with the command that a person would type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dataplane.opa.install import ensure_opa, ensure_regal

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ("--schema", "policies/schemas", "--capabilities", "opa/capabilities.json")


def main() -> int:
    """Run every check; 1 when any fails."""
    opa = str(ensure_opa(None, None, print))
    regal = str(ensure_regal(None, print))
    checks = (
        [opa, "fmt", "--list", "--fail", "policies/rego"],
        [opa, "check", "--strict", *SCHEMAS, "policies/rego"],
        [regal, "lint", "policies/rego"],
        [opa, "test", *SCHEMAS, "--coverage", "--threshold", "100", "--fail-on-empty", "policies/rego"],
        [opa, "test", "policies/rego"],
    )
    failed = 0
    for command in checks:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            failed += 1
            print(f"{' '.join([Path(command[0]).name, *command[1:]])}\n{done.stdout}{done.stderr}")
    print(f"Rego: {len(checks) - failed} of {len(checks)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The Rego checks of `make rego`: the product's own, and the plain `opa test` that an editor runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dataplane.opa.install import ensure_opa, ensure_regal

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run every check; 1 when any fails."""
    opa = str(ensure_opa(None, None, print))
    ensure_regal(None, print)
    regogate = [sys.executable, "-m", "dataplane"]
    checks = {
        "regogate policy check policies": [*regogate, "policy", "check", "policies"],
        "opa test policies/rego": [opa, "test", "policies/rego"],
    }
    failed = 0
    for name, command in checks.items():
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            failed += 1
            print(f"{name}\n{done.stdout}{done.stderr}")
    print(f"Rego: {len(checks) - failed} of {len(checks)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

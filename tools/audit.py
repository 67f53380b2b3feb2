"""Ask the public list of vulnerabilities about every locked package: python tools/audit.py (part of `make check`).

Fails on a known vulnerability. Where the list cannot be reached (no network, or a mirror that does not carry it) it says so and
passes: an audit that did not happen must not look like one that found nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"


def main() -> int:
    asked = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--no-deps", "--disable-pip", "--format", "json",
             "--progress-spinner", "off", "--timeout", "10"]  # fmt: skip
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=300)
        packages = json.loads(said.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        print("pip-audit was skipped: the list of vulnerabilities cannot be reached from here")
        return 0
    looked_up = [p for p in packages if "skip_reason" not in p]
    found = [(p["name"], p["version"], v["id"], v["fix_versions"]) for p in looked_up for v in p["vulns"]]
    for name, number, what, fixed in found:
        print(f"{name} {number}: {what}; fixed in {', '.join(fixed) or 'no release yet'}")
    if not looked_up:
        print("pip-audit was skipped: the list of vulnerabilities does not answer here")
    elif not found:
        print(f"pip-audit: no known vulnerability in {len(looked_up)} of {len(packages)} locked packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tools.lab.verify HOST TEST…`: tests/host against a host of the lab, or what TOGETHER names."""

import os
import subprocess
import sys

from tools.lab.places import BUILD, ROOT

# All three hosts, as a site or bare; or the lab itself.
TOGETHER = {"site", "bare", "lab"}


def main() -> int:
    """pytest's exit status; a run that tested nothing, or skipped, has failed."""
    host, *tests = sys.argv[1:]
    report = BUILD / "reports" / f"{os.environ.get('MOLECULE_SCENARIO_NAME', 'none')}-{host}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    address = host if host in TOGETHER else f"lab:{host}"
    # A test here may play a whole playbook.
    options = ["-q", "-p", "no:cacheprovider", "-o", "timeout=1200", f"--junit-xml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    settings = os.environ | {"HOST": address, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    status = subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
    from tools.test import counts

    passed, failed, skipped = counts(report)
    print(f"{host}: {passed} passed, {failed} failed, {skipped} skipped")
    return status or (0 if passed and not skipped else 1)


if __name__ == "__main__":
    sys.exit(main())

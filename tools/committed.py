"""What must never be committed: registry hosts, paths of this machine, download addresses, leftovers of a merge."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Put together here, so that this file does not accuse itself.
RULES: list[tuple[str, re.Pattern[str]]] = [
    (
        "a registry's address",
        re.compile(r"https?://[\w.@:-]*(?:pypi|pythonhosted|npmjs|registry|devpi|artifactory|nexus)[\w.-]*"),
    ),
    ("a package index", re.compile(r"(?:--|\b)(?:extra-)?index-url\b *[= ] *\S|--find-" + r"links\b *[= ] *\S")),
    ("a path of one machine", re.compile(r"(?:^|[\s\"'=(:`])/(?:work|farm|root|home/\w+|Users/\w+)/\w")),
    ("a download address in a lock", re.compile(r'"reso' + r'lved": *"')),
    ("a merge's leftovers", re.compile(r"^(?:<{7} |>{7} |={7}$)")),
    ("work left for later", re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + r" KEY-----")),
]
BINARY = {".png", ".jpg", ".binpb", ".onnx", ".mp4", ".avi", ".woff2", ".ico"}


def main() -> int:
    """Exit status 1 when something is found; each line says where."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    faults = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix in BINARY or not path.is_file() or name == "LICENSE":
            continue
        faults += find(name, path.read_text(encoding="utf-8", errors="replace"))
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def find(name: str, text: str) -> list[str]:
    """`FILE:LINE: what` for each fault in a text."""
    return [
        f"{name}:{number}: {what}: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in RULES
        if pattern.search(line)
    ]


if __name__ == "__main__":
    sys.exit(main())

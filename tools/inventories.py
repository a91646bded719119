"""Refuse a secret that stands in clear in an inventory: `inventories.py [FOLDER...]`, all when none is said.

A value whose key says that it is one must be encrypted (`!vault`, or a whole file by ansible-vault) or come from
elsewhere (`{{ … }}`). The lab's hosts live for minutes on a network of their own; what they are given is no secret.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
LABS = {"molecule", "demo"}
SECRET = re.compile(r"(?:^|_)(?:password|passphrase|passwd|pass|secret|token|private_key|api_key|psk)$")
# An expression and nothing beside it; text around one could be half a password.
ELSEWHERE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
SUFFIXES = {"", ".yml", ".yaml", ".json", ".ini"}


def main() -> int:
    """Exit status 1 when something is found; each line says where and what to do."""
    folders = [Path(name) for name in sys.argv[1:]]
    if not folders:
        folders = [path for path in sorted((ROOT / "inventories").iterdir()) if path.is_dir()]
    # A source may be a list of hosts (`-i host,`), which is no file.
    looked_at = [folder for folder in folders if folder.exists() and not LABS & set(folder.resolve().parts)]
    faults = [fault for folder in looked_at for fault in find(folder)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


def find(folder: Path) -> Iterator[str]:
    """One sentence a secret in clear, in any file that ansible would read."""
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        if path.suffix not in SUFFIXES or path.name.endswith("~"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.startswith("$ANSIBLE_VAULT;"):
            continue
        for line, name in in_ini(text) if path.suffix == ".ini" else in_yaml(text):
            yield (
                f"{path}:{line}: {name} stands here in clear. Encrypt it (ansible-vault encrypt_string --name {name}) "
                f"or name where it comes from, such as '{{{{ vault_{name} }}}}'."
            )


def in_yaml(text: str) -> Iterator[tuple[int, str]]:
    """Line and key of each secret in clear."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        # Not ours to judge: ansible says where it cannot read its own file.
        return
    if root is not None:
        yield from in_node(root)


def in_node(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """The same below one node; tags are seen because nothing is constructed."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(value, yaml.ScalarNode) and SECRET.search(str(key.value)) and in_clear(value):
                yield key.start_mark.line + 1, str(key.value)
            yield from in_node(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from in_node(item)


def in_clear(value: yaml.ScalarNode) -> bool:
    """Whether a scalar says the secret itself."""
    said = str(value.value).strip()
    named = value.tag in ("!vault", "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool")
    return bool(said) and not named and not ELSEWHERE.fullmatch(said)


def in_ini(text: str) -> Iterator[tuple[int, str]]:
    """`name=value` pairs of an INI inventory."""
    for number, line in enumerate(text.splitlines(), 1):
        for name, value in re.findall(r"([A-Za-z_]\w*)\s*=\s*(\"[^\"]*\"|'[^']*'|\S+)", line.partition("#")[0]):
            if SECRET.search(name) and not ELSEWHERE.fullmatch(value.strip("\"'")):
                yield number, name


if __name__ == "__main__":
    sys.exit(main())

"""Refuse a secret that stands in clear in an inventory: `inventories.py [FOLDER...]`, all when none is said.

A value whose key says that it is one must be encrypted (`!vault`, or a whole file by ansible-vault) or come from
elsewhere (`{{ … }}`). The lab's hosts live for minutes on a network of their own; what they are given is no secret.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "inventories" / "molecule"
SECRET = re.compile(r"(?:^|_)(?:password|passphrase|passwd|pass|secret|token|private_key|api_key|psk)$")
# An expression and nothing beside it; text around one could be half a password.
ELSEWHERE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
SUFFIXES = {"", ".yml", ".yaml", ".json", ".ini"}


def main() -> int:
    """Exit status 1 when something is found, each line says where and what to do; 2 when a folder is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    # A source may be a list of hosts (`-i host,`), which is no file.
    folders = [folder for folder in parser.parse_args().folders if "," not in str(folder)]
    if missing := [folder for folder in folders if not folder.exists()]:
        parser.error(f"there is no {missing[0]}")
    if len(sys.argv) == 1:
        folders = [path for path in sorted((ROOT / "inventories").iterdir()) if path.is_dir()]
    faults = [fault for folder in folders if not folder.resolve().is_relative_to(LAB) for fault in find(folder)]
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
        try:
            found = list(in_ini(text) if path.suffix == ".ini" else in_yaml(text))
        except yaml.YAMLError:
            yield f"{path} is no YAML: whether a secret stands there in clear cannot be told."
            continue
        for line, name in found:
            if name.startswith("vault_"):
                yield f"{path}:{line}: {name} stands here in clear. Encrypt the file: ansible-vault encrypt {path}."
                continue
            yield (
                f"{path}:{line}: {name} stands here in clear. Encrypt it (ansible-vault encrypt_string --name {name}) "
                f"or name where it comes from, such as '{{{{ vault_{name} }}}}'."
            )


def in_yaml(text: str) -> Iterator[tuple[int, str]]:
    """Line and key of each secret in clear."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
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

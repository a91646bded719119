"""`python -m tests.host.record HOST`: print what a host is, in the form of expected/TIER.toml.

For whoever changes a unit on purpose: read each line of the difference, and let only what the unit's job needs become
what is expected.
"""

import argparse
import json
import tomllib
from typing import Any

from tests.host import whole
from tests.host.conftest import services_of
from tests.host.runner import HERE, connect
from tests.host.sandbox import PLACES, probe
from tests.host.verdicts import facts, instance, template


def main() -> None:
    """To standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    host = connect(parser.parse_args().host)
    common = tomllib.loads((HERE / "expected" / "common.toml").read_text("utf-8"))
    for key, value in whole.record(host, common["may_listen"]).items():
        if isinstance(value, dict):
            print(f"\n[{key}]")
            for name, item in value.items():
                print(f"{json.dumps(name)} = {toml(item)}")
        else:
            print(f"{key} = {toml(value)}")
    for name in services_of(host):
        print(f'\n[sandbox."{template(name)}"]')
        for key, value in facts(probe(host, name, PLACES), instance(name)).items():
            print(f"{key} = {toml(value)}")
    host.close()


def toml(value: Any) -> str:
    """A text or a list of texts; one a line when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) < 100 or not isinstance(value, list):
        return text
    return "[\n" + "".join(f"  {json.dumps(item, ensure_ascii=False)},\n" for item in value) + "]"


if __name__ == "__main__":
    main()

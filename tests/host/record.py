"""`python -m tests.host.record HOST`: print what the probe sees of each unit, in the form of expected/TIER.toml.

For whoever changes a unit on purpose: read each line of the difference, and let only what the unit's job needs become
what is expected.
"""

import argparse
import json
from typing import Any

from tests.host.conftest import services_of
from tests.host.runner import connect
from tests.host.sandbox import PLACES, probe
from tests.host.verdicts import facts, instance, template


def main() -> None:
    """To standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    host = connect(parser.parse_args().host)
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

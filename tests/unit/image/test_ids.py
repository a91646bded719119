"""Users and groups have one number in every image: the next system has to know what the last one's wrote."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LINE = re.compile(r"^([ug]) (\S+) (\S+)", re.MULTILINE)


def test_each_has_one_and_none_has_another_s() -> None:
    wanted = {
        (kind, name)
        for path in (ROOT / "units").glob("*/*.sysusers")
        for kind, name, _ in LINE.findall(path.read_text("utf-8"))
    }
    given = LINE.findall((ROOT / "packer/ids.sysusers").read_text("utf-8"))
    assert {(kind, name) for kind, name, _ in given} == wanted
    numbers = [int(number) for _, _, number in given]
    assert len(set(numbers)) == len(numbers)
    # Where neither Debian's own nor what its tools hand out from either end comes to.
    assert all(800 <= number < 900 for number in numbers)

"""Reading nftables' ruleset; ruleset.json is what nft 1.0.6 printed of a firewall like the role's."""

import json
from pathlib import Path
from typing import Any

import pytest

from guardian.cli.host.firewall import parse

_REAL = (Path(__file__).parent / "ruleset.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("protocol", "port", "blocked"),
    [
        ("udp", 51820, False),
        ("tcp", 51820, True),
        # In a named set, in a range, in a set with a range of a chain that is jumped to.
        ("tcp", 7444, False),
        ("tcp", 8005, False),
        ("tcp", 8011, True),
        ("tcp", 9555, False),
        ("tcp", 9601, True),
        ("tcp", 9700, False),
        ("udp", 5000, False),
        ("tcp", 5000, True),
        # Some callers may: from one network, or through the tunnel.
        ("tcp", 22, False),
        ("tcp", 7443, False),
        ("tcp", 6000, True),
    ],
)
def test_whether_a_strangers_first_packet_may_pass(protocol: str, port: int, blocked: bool):
    ruleset = parse(_REAL)
    assert ruleset is not None
    assert ruleset.blocks(protocol, port) is blocked


def changed(change: Any) -> str:
    whole = json.loads(_REAL)
    for item in whole["nftables"]:
        change(item)
    return json.dumps(whole)


def test_a_firewall_that_lets_in_what_no_rule_speaks_of_is_known():
    ruleset = parse(_REAL)
    assert ruleset is not None
    assert [ruleset.drops_by_default(chain) for chain in ruleset.inputs] == [True]

    def accept(item: dict[str, Any]) -> None:
        if item.get("chain", {}).get("hook") == "input":
            item["chain"]["policy"] = "accept"

    lax = parse(changed(accept))
    assert lax is not None
    assert [lax.drops_by_default(chain) for chain in lax.inputs] == [False]


def test_a_rule_before_that_drops_a_port_blocks_it():
    whole = json.loads(_REAL)
    first = next(place for place, item in enumerate(whole["nftables"]) if "rule" in item)
    match = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 7444}}
    rule = {"family": "inet", "table": "guardian", "chain": "input", "expr": [match, {"drop": None}]}
    whole["nftables"].insert(first, {"rule": rule})
    ruleset = parse(json.dumps(whole))
    assert ruleset is not None
    assert ruleset.blocks("tcp", 7444)
    assert not ruleset.blocks("tcp", 443)


def test_no_ruleset_has_no_chain_for_what_comes_in_and_rubbish_is_no_ruleset():
    empty = parse('{"nftables": [{"metainfo": {"version": "1.0.6"}}]}')
    assert empty is not None
    assert empty.inputs == []
    assert parse("no JSON") is None

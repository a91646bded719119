"""nftables' ruleset, read as far as one question needs: may a stranger's first packet reach this port?"""

import json
from dataclasses import dataclass, field
from typing import Any

from guardian.cli.host.asking import ask

_DEPTH = 8
# Three answers, for a rule may turn on things that are not known beforehand, such as who calls.
_YES, _PERHAPS, _NO = 2, 1, 0


@dataclass(frozen=True)
class Chain:
    """One chain and its rules' expressions; `policy` is '' unless it is a base chain."""

    key: tuple[str, str, str]
    hook: str = ""
    policy: str = ""
    rules: list[list[dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Ruleset:
    """All chains by family, table and name."""

    chains: dict[tuple[str, str, str], Chain]
    sets: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Chain]:
        """Base chains that see what is for this machine."""
        return [chain for chain in self.chains.values() if chain.hook == "input"]

    def drops_by_default(self, chain: Chain) -> bool:
        """By its policy, or by a last rule that drops or rejects all."""
        last = chain.rules[-1] if chain.rules else []
        return chain.policy == "drop" or (
            len(last) <= 2 and any(key in part for part in last for key in ("drop", "reject"))
        )

    def blocks(self, protocol: str, port: int) -> bool:
        """True when no caller's first packet to this port could pass."""
        return any(self._passes(chain, protocol, port) == _NO for chain in self.inputs)

    def _passes(self, chain: Chain, protocol: str, port: int) -> int:
        verdict, perhaps = self._walk(chain, protocol, port, 0)
        if verdict is None:
            verdict = chain.policy != "drop"
        return _YES if verdict else _PERHAPS if perhaps else _NO

    def _walk(self, chain: Chain, protocol: str, port: int, depth: int) -> tuple[bool | None, bool]:
        """What this chain decides for certain (None: nothing), and whether an accept before it might have held."""
        perhaps = False
        for rule in chain.rules if depth < _DEPTH else []:
            holds = min([self._holds(chain, part, protocol, port) for part in rule], default=_YES)
            if holds == _NO:
                continue
            for part in rule:
                target = part.get("jump") or part.get("goto")
                inner = (
                    self.chains.get((*chain.key[:2], str(target.get("target")))) if isinstance(target, dict) else None
                )
                if inner is not None:
                    verdict, maybe = self._walk(inner, protocol, port, depth + 1)
                    perhaps = perhaps or maybe or bool(verdict and holds == _PERHAPS)
                    if verdict is not None and holds == _YES:
                        return verdict, perhaps
                elif "accept" in part:
                    if holds == _YES:
                        return True, perhaps
                    perhaps = True
                elif ("drop" in part or "reject" in part) and holds == _YES:
                    return False, perhaps
                elif "return" in part and holds == _YES:
                    return None, perhaps
        return None, perhaps

    def _holds(self, chain: Chain, part: dict[str, Any], protocol: str, port: int) -> int:
        match = part.get("match")
        if not isinstance(match, dict):
            return _PERHAPS if "limit" in part else _YES
        left, right = match.get("left"), match.get("right")
        if not isinstance(left, dict):
            return _PERHAPS
        turned = match.get("op") == "!="
        known = self._known(chain, left, right, protocol, port)
        return known if known == _PERHAPS or not turned else _YES - known

    def _known(self, chain: Chain, left: dict[str, Any], right: Any, protocol: str, port: int) -> int:
        payload, meta, state = left.get("payload"), left.get("meta"), left.get("ct")
        if isinstance(payload, dict) and payload.get("field") == "dport":
            if payload.get("protocol") not in (protocol, "th"):
                return _NO
            return _YES if self._contains(chain, right, port) else _NO
        if isinstance(payload, dict) and payload.get("protocol") in ("icmp", "icmpv6"):
            return _NO
        if isinstance(meta, dict) and meta.get("key") in ("l4proto", "nfproto"):
            if meta["key"] == "nfproto":
                return _PERHAPS
            return _YES if self._contains(chain, right, protocol) else _NO
        if isinstance(meta, dict) and meta.get("key") in ("iif", "iifname"):
            return _NO if right == "lo" else _PERHAPS
        if isinstance(state, dict) and state.get("key") == "state":
            return _YES if self._contains(chain, right, "new") else _NO
        return _PERHAPS

    def _contains(self, chain: Chain, right: Any, value: int | str) -> bool:
        if isinstance(right, str) and right.startswith("@"):
            return self._contains(chain, {"set": self.sets.get((*chain.key[:2], right[1:]), [])}, value)
        if isinstance(right, dict) and isinstance(right.get("range"), list) and isinstance(value, int):
            low, high = right["range"][:2]
            return bool(low <= value <= high)
        if isinstance(right, dict):
            right = right.get("set", [])
        if isinstance(right, list):
            return any(self._contains(chain, item, value) for item in right)
        return bool(right == value)


def load() -> Ruleset | None:
    """The kernel's ruleset; None when one may not look, or nft is not there."""
    answer = ask("nft", "-j", "list", "ruleset")
    return parse(answer.text) if answer.good else None


def parse(text: str) -> Ruleset | None:
    """nft's JSON."""
    try:
        items = json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError):
        return None
    chains: dict[tuple[str, str, str], Chain] = {}
    sets: dict[tuple[str, str, str], list[Any]] = {}
    for item in items:
        if isinstance(chain := item.get("chain"), dict):
            key = (chain["family"], chain["table"], chain["name"])
            chains[key] = Chain(key, chain.get("hook", ""), chain.get("policy", ""))
        elif isinstance(named := item.get("set"), dict):
            sets[named["family"], named["table"], named["name"]] = list(named.get("elem", []))
        elif isinstance(rule := item.get("rule"), dict):
            owner = chains.get((rule["family"], rule["table"], rule["chain"]))
            if owner is not None:
                owner.rules.append(list(rule.get("expr", [])))
    return Ruleset(chains, sets)

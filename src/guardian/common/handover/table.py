"""Closed lists: who may hand over what, and which units load it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A secret's form."""

    largest: int
    exact: bool = False

    def fits(self, data: bytes) -> bool:
        """Whether these may be its bytes."""
        return len(data) == self.largest if self.exact else 0 < len(data) <= self.largest


_SEED = Kind(32, exact=True)
_PEM = Kind(16 << 10)
SIGN, RECEIVE, TLS, WIREGUARD = "sign.key", "receive.key", "tls.key", "wireguard.key"
KINDS = {SIGN: _SEED, RECEIVE: _SEED, TLS: _PEM, WIREGUARD: _SEED}

# By the name of the daemon, which is its user's name after `guardian-` and its folder's below the state.
WRITERS: dict[str, frozenset[str]] = {
    "enroll": frozenset(KINDS),
    "uplink": frozenset({TLS}),
    "agent": frozenset({TLS}),
    "hub": frozenset({WIREGUARD}),
}
# What a writer may have taken out of the store: an empty file of this name asks for it.
REMOVALS: dict[str, frozenset[str]] = {"enroll": frozenset({"seed"})}

# Patterns for systemctl: what runs and has loaded the secret is restarted.
LOADERS: dict[str, tuple[str, ...]] = {
    SIGN: ("guardian-camera@*.service", "guardian-analyzer.service", "guardian-uplink.service"),
    RECEIVE: ("guardian-uplink.service",),
    TLS: ("guardian-uplink.service", "guardian-agent.service"),
    WIREGUARD: ("guardian-tunnel.service", "guardian-hub.service"),
}
# Started again, so that what was skipped for want of a secret comes up.
TARGETS = ("guardian-edge.target", "guardian-node.target")

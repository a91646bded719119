"""Does the tier above take connections from here?"""

import json
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, good
from guardian.cli.host.ports import reach
from guardian.common.files import read_plain

# Where an identity keeps the address that its daemons dial.
_DIALLED = {"edge": ("gateway", "the node's gateway"), "node": ("agents", "the control plane")}
_MOST = 64 << 10


def check(subject: Subject) -> Iterator[Finding]:
    """A TCP connection, opened and closed again; nothing is said on it."""
    if subject.place.tier not in _DIALLED or subject.identity is None:
        return
    key, who = _DIALLED[subject.place.tier]
    try:
        identity = json.loads(read_plain(subject.identity / "identity.json", _MOST))
        host, _, port = str(identity[key]).rpartition(":")
        number = int(port)
    except (OSError, ValueError, KeyError, TypeError):
        # The check of the identity says so.
        return
    if not host or not 0 < number < 65536:
        return
    refusal = reach(host.strip("[]"), number)
    if refusal:
        yield bad("peer_unreachable", f"{who[:1].upper()}{who[1:]} at {identity[key]} is not reached: {refusal}.")
    else:
        yield good("peer", f"{who[:1].upper()}{who[1:]} at {identity[key]} takes connections.")

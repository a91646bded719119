"""Is a firewall loaded, and does it keep out what no rule lets in?"""

from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject, bad, good, unseen
from guardian.cli.host import firewall


def check(subject: Subject) -> Iterator[Finding]:
    """nftables' ruleset as the kernel has it."""
    if not subject.host:
        return
    ruleset = firewall.load()
    if ruleset is None:
        yield unseen("firewall", "The firewall's rules are for root's eyes.")
    elif not ruleset.inputs:
        yield bad("firewall_off", "No firewall is loaded: nftables has no chain for what comes in.")
    elif not any(ruleset.drops_by_default(chain) for chain in ruleset.inputs):
        yield bad("firewall_lax", "The firewall lets in what no rule speaks of.")
    else:
        yield good("firewall", "The firewall is loaded and drops what no rule lets in.")

"""Which kind of machine this is: one that runs from a slot of our image, or a host with releases."""

from guardian.appliance import releases, slots
from guardian.appliance.host import Host
from guardian.common import bundle


def this_host() -> Host:
    """This machine; what it cannot do it says when it is asked."""
    return slots.Host() if bundle.SLOT.exists() else releases.Host()

"""Every check, in the order they are run: what others rest on comes first."""

from guardian.cli.doctor.checks import certificates, clock, configuration, daemons, disk, identity, model, roster
from guardian.cli.doctor.finding import Check

CHECKS: tuple[Check, ...] = (
    configuration.check,
    identity.check,
    certificates.check,
    clock.check,
    disk.check,
    model.check,
    roster.check,
    daemons.check,
)

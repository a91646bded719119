"""Is there room where state is kept?"""

import shutil
from collections.abc import Iterator

from guardian.cli.doctor.finding import Finding, Subject

_GIB = 1 << 30


def check(subject: Subject) -> Iterator[Finding]:
    """Free space of the state directory's file system."""
    folder = subject.place.state_dir
    if folder is None:
        return
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        fix = "Create it for the daemons' user, or name another as state_dir."
        yield Finding("disk", "bad", f"The state directory {folder} cannot be used: {error.strerror}.", fix)
        return
    said = f"{usage.free / _GIB:.1f} GiB free of {usage.total / _GIB:.0f} GiB below {folder}"
    if usage.free < 0.01 * usage.total or usage.free < _GIB // 4:
        yield Finding(
            "disk", "bad", f"Only {said}: recording stops when it is full.", "Make room, or add a larger disk."
        )
    elif usage.free < 0.05 * usage.total or usage.free < 2 * _GIB:
        yield Finding("disk", "doubtful", f"Only {said}.", "Make room before recording has to stop.")
    else:
        yield Finding("disk", "good", f"{said}.")

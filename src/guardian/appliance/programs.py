"""Programs of the system that make disks and mount them: each ends well, or with a sentence."""

import subprocess

from guardian.common.errors import GuardianError

SECONDS = 600


class ProgramError(GuardianError):
    """A program failed; the sentence has its last words."""


def run(*command: str, text: str = "", reason: str = "disk_refused", hint: str = "", seconds: float = SECONDS) -> str:
    """What it said on standard output, given `text` on its standard input; ProgramError when its status is not 0."""
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False, timeout=seconds)
    if done.returncode:
        # mount adds that the kernel may know more.
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip() and "dmesg" not in line]
        raise ProgramError(
            f"{command[0]} failed: {said[-1].strip() if said else done.returncode}", reason=reason, hint=hint
        )
    return done.stdout.strip()

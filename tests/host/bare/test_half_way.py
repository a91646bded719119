"""A run that is killed half way: what follows in the scenario, the whole of site.yml, finds hosts in this state."""

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.host.runner import ROOT, Host


# A site's first minutes, on two cores that a second site may share.
@pytest.mark.timeout(600)
def test_a_run_is_killed_half_way_for_the_next_to_repair(bare: dict[str, Host]):
    running = subprocess.Popen(
        [sys.executable, "-m", "tools.lab", "play", "site.yml"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 400
        while not bare["control"].walk("/opt/guardian", kinds="d"):
            assert running.poll() is None and time.monotonic() < end, "the run never came to the release"
            time.sleep(0.5)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert bare["control"].describe("/opt/guardian/current") == [None]

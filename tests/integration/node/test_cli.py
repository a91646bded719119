"""`guardian edge` and `guardian node` as an operator types them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.integration.node.kit import Node


async def guardian(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, while the gateway goes on in this one."""
    command = [sys.executable, "-c", "from guardian.cli.main import main; main()", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    return await asyncio.to_thread(
        subprocess.run, command, input=stdin, capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def configuration(node: Node, folder: Path) -> str:
    path = folder / "node.yaml"
    path.write_text(node.settings.model_dump_json())
    return str(path)


async def test_an_operator_makes_a_token_and_the_edge_spends_it(node: Node, folder: Path):
    config = configuration(node, folder)
    made = await guardian("edge", "token", "--config", config, "--name", "Attic", "--valid", "30m", "--json")
    assert made.returncode == 0, made.stderr
    token = json.loads(made.stdout)["token"]
    state = str(folder / "edge")
    enrolled = await guardian("edge", "enroll", "--state-dir", state, "--token", "-", "--json", stdin=token + "\n")
    assert enrolled.returncode == 0, enrolled.stderr
    edge = json.loads(enrolled.stdout)
    listed = json.loads((await guardian("edge", "list", "--config", config, "--json")).stdout)["edges"]
    assert [(item["id"], item["name"], item["online"]) for item in listed] == [(edge["edge"], "Attic", False)]
    again = await guardian("edge", "enroll", "--state-dir", str(folder / "other"), "--token", token)
    assert again.returncode != 0
    assert "used already" in again.stderr
    assert token not in again.stderr
    table = await guardian("edge", "list", "--config", config)
    assert "Attic" in table.stdout


async def test_mistakes_end_in_sentences(node: Node, folder: Path):
    config = configuration(node, folder)
    wrong = await guardian("edge", "token", "--config", config, "--name", "x", "--valid", "soon")
    assert "no duration" in wrong.stderr
    damaged = await guardian("edge", "enroll", "--state-dir", str(folder / "edge"), "--token", "gdn1.nonsense")
    assert "not an enrolment token" in damaged.stderr
    enrolled = await guardian("node", "enroll", "--config", config, "--token", "gdn1.nonsense")
    assert "not an enrolment token" in enrolled.stderr
    quiet = node.settings.model_copy(update={"run_dir": folder / "nobody"})
    (folder / "quiet.yaml").write_text(quiet.model_dump_json())
    away = await guardian("edge", "list", "--config", str(folder / "quiet.yaml"))
    assert "gateway does not answer" in away.stderr
    for answer in (wrong, damaged, enrolled, away):
        assert answer.returncode != 0
        assert "Traceback" not in answer.stderr

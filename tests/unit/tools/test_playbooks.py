"""The playbooks' own rules: the preflight asks each role that a tier's play runs, in the same order."""

import pytest
from tools.roles import ROOT, load

TIERS = ROOT / "playbooks" / "tiers"


@pytest.mark.parametrize("tier", ["control", "node", "edge"])
def test_the_preflight_asks_each_role_that_the_play_runs(tier: str) -> None:
    (play,) = load(TIERS / f"{tier}.yml")
    assert load(TIERS / "vars.yml")["site_roles"][tier] == play["roles"]


@pytest.mark.parametrize("name", ["site", "control", "node", "edge"])
def test_nothing_is_changed_before_the_preflight(name: str) -> None:
    plays = load(ROOT / "playbooks" / f"{name}.yml")
    assert plays[0]["ansible.builtin.import_playbook"] == "tiers/preflight.yml"
    (preflight,) = load(TIERS / "preflight.yml")
    assert preflight["any_errors_fatal"] is True

"""tools/roles.py finds what breaks the roles' rules: each test plants one fault in a copy of the real roles."""

import shutil
from pathlib import Path

import pytest
from tools.roles import ROOT, find_faults, readme, roles


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "roles", tmp_path / "roles")
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_roles_as_they_are_keep_the_rules(copy: Path) -> None:
    assert list(find_faults(copy)) == []
    assert {"base", "guardian"} <= {role.name for role in roles(copy)}


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("defaults/main.yml", "base_journal_days: 30", "base_journal_days: 31", "is 31 in defaults"),
        ("defaults/main.yml", "base_journal_days: 30\n", "", "does not stand in defaults"),
        (
            "defaults/main.yml",
            "base_journal_days: 30",
            "base_journal_days: 30\nbase_more: 1",
            "no default in the specs",
        ),
        ("meta/argument_specs.yml", "  validate: *options\n", "", "validate: *options"),
        ("meta/argument_specs.yml", "[present, absent]", "[present, gone]", "choices [present, absent]"),
        ("meta/argument_specs.yml", "type: int", "type: number", "no type"),
        ("tasks/main.yml", "service.yml", "start.yml", "in this order"),
        ("meta/main.yml", "  - role: guardian", "  []", "role guardian first"),
        ("tasks/service.yml", "ansible.builtin.systemd_service", "community.general.systemd", "not part of ansible"),
    ],
)
def test_a_broken_rule_is_named(copy: Path, file: str, old: str, new: str, fault: str) -> None:
    change(copy / "roles" / "base" / file, old, new)
    faults = list(find_faults(copy))
    assert any(fault in item for item in faults), faults


@pytest.mark.parametrize(
    ("file", "old", "new", "shown"),
    [
        ("edge/tasks/cameras.yml", "edge_cameras | map(attribute='id')", "edge_cameras", "edge_cameras"),
        ("edge/tasks/cameras.yml", "map(attribute='id')", "map(attribute='password')", "edge_cameras"),
        ("edge/tasks/cameras.yml", "  no_log: true\n", "", "edge_cameras"),
        ("edge/tasks/password.yml", "  no_log: true\n", "", "password"),
        ("control/tasks/tenants.yml", "  no_log: true\n", "", "password"),
        ("guardian/tasks/seed.yml", "  no_log: true\n", "", "guardian_seed"),
        ("observability/tasks/server.yml", "  no_log: true\n", "", "observability_secrets"),
        ("postgresql/tasks/service.yml", '  no_log: "{{ postgresql_tcp }}"\n', "", "postgresql_wanted"),
        (
            "base/tasks/service.yml",
            "name: systemd-timesyncd.service",
            'name: "{{ node_vm_seed.token }}"',
            "node_vm_seed",
        ),
    ],
)
def test_a_task_that_would_print_a_secret_when_it_fails_is_named(
    copy: Path, file: str, old: str, new: str, shown: str
) -> None:
    change(copy / "roles" / file, old, new)
    faults = list(find_faults(copy))
    assert any(f"roles/{file}: " in item and f"prints {shown} " in item for item in faults), faults


def test_a_phase_that_is_missing_is_named(copy: Path) -> None:
    (copy / "roles" / "base" / "tasks" / "uninstall.yml").unlink()
    assert "roles/base: tasks/uninstall.yml is missing." in list(find_faults(copy))


def test_the_readme_has_each_variable_with_its_default() -> None:
    page = readme(ROOT / "roles" / "base")
    assert "| `base_journal_max` | str | `1G` |" in page
    assert "| `base_hostname` | str |  |" in page

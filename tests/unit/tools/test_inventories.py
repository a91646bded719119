"""tools/inventories.py finds secrets in clear, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.inventories import ROOT, find


def said(folder: Path, text: str, name: str = "group_vars/all/main.yml") -> list[str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return list(find(folder))


@pytest.mark.parametrize(
    "text",
    [
        "ansible_password: hunter2\n",
        "control_tenants:\n  - {name: A, password: hunter2}\n",
        "edge_cameras:\n  - id: front\n    password: 'half {{ vault_other }}'\n",
        "edge_token: gdn1.abc\n",
        "ansible_become_pass: 12345678\n",
        "a: {b: [{client_secret: x}]}\n",
    ],
)
def test_a_secret_in_clear_is_found(tmp_path: Path, text: str) -> None:
    (fault,) = said(tmp_path, text)
    assert "stands here in clear" in fault
    assert "main.yml:" in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "text",
    [
        "ansible_password: '{{ vault_ansible_password }}'\n",
        "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n",
        "password: \"{{ lookup('ansible.builtin.pipe', 'pass show guardian') }}\"\n",
        "base_timezone: Etc/UTC\nnginx_certificate_key: /etc/tls/key.pem\n",
        "edge_token: ''\n",
        "password:\n",
    ],
)
def test_what_is_sealed_or_comes_from_elsewhere_is_let_pass(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text) == []


def test_a_file_that_is_encrypted_whole_is_let_pass(tmp_path: Path) -> None:
    assert said(tmp_path, "$ANSIBLE_VAULT;1.1;AES256\n3132\n", "group_vars/all/vault.yml") == []


def test_an_inventory_in_ini_form_is_looked_at_too(tmp_path: Path) -> None:
    (fault,) = said(tmp_path, "[edge]\nhome ansible_host=192.0.2.1 ansible_password=hunter2\n", "hosts.ini")
    assert "hosts.ini:2" in fault


def test_the_example_holds_no_secret() -> None:
    assert list(find(ROOT / "inventories" / "example")) == []


def test_no_name_of_a_folder_above_lets_a_secret_pass(tmp_path: Path) -> None:
    folder = tmp_path / "demo" / "molecule"
    said(folder, "edge_token: gdn1.abc\n")
    assert looked(folder) == (1, True)
    assert looked(ROOT / "inventories" / "molecule") == (0, False)


def test_what_cannot_be_judged_is_not_let_pass(tmp_path: Path) -> None:
    (fault,) = said(tmp_path, "edge_token: [unclosed\n")
    assert "cannot be told" in fault
    assert looked(tmp_path / "nosuch") == (2, True)


def test_a_vaults_own_file_in_clear_is_to_be_encrypted(tmp_path: Path) -> None:
    (fault,) = said(tmp_path, "vault_owner_password: hunter2\n", "group_vars/all/vault.yml")
    assert "ansible-vault encrypt " in fault


def looked(folder: Path) -> tuple[int, bool]:
    """Exit status of the program, and whether it said something."""
    command = [sys.executable, str(ROOT / "tools" / "inventories.py"), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, bool(ended.stdout or ended.stderr)

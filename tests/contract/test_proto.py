"""What the messages between tiers can carry, and cannot."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from guardian.contracts.control.v1 import control_pb2
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.vault.v1 import vault_pb2

ROOT = Path(__file__).resolve().parents[2]
BUF = str(Path(sys.executable).with_name("buf"))


def fields(message: Descriptor, seen: set[str] | None = None) -> Iterator[tuple[str, FieldDescriptor]]:
    """Every field a message can hold, however deep."""
    seen = set() if seen is None else seen
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        yield f"{message.full_name}.{field.name}", field
        if field.message_type is not None:
            yield from fields(field.message_type, seen)


def test_a_summary_has_no_room_for_a_picture_a_box_or_a_score() -> None:
    numbers = {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}
    for request in (control_pb2.SendSummariesRequest, control_pb2.SendSummariesResponse):
        for name, field in fields(request.DESCRIPTOR):
            assert field.type not in numbers, name
            assert field.type != FieldDescriptor.TYPE_BYTES, name
            assert not field.has_options, name


def test_nothing_that_goes_up_from_a_node_names_the_edge_s_own_event() -> None:
    service = control_pb2.DESCRIPTOR.services_by_name["AgentService"]
    rich = {edge_pb2.Event.DESCRIPTOR.full_name, edge_pb2.SignedEvent.DESCRIPTOR.full_name}
    rich |= {edge_pb2.BoundingBox.DESCRIPTOR.full_name, edge_pb2.Detection.DESCRIPTOR.full_name}
    for method in service.methods:
        reached = {field.message_type.full_name for _, field in fields(method.input_type) if field.message_type}
        assert not reached & rich, method.full_name


def test_control_messages_do_not_even_import_the_edge_s() -> None:
    imported = {item.name for item in control_pb2.DESCRIPTOR.dependencies}
    assert imported == {"google/protobuf/timestamp.proto", vault_pb2.DESCRIPTOR.name}


def test_a_health_report_has_no_address_of_a_camera() -> None:
    for message in (control_pb2.ReportHealthRequest, edge_pb2.EdgeStatus):
        names = {field.name for _, field in fields(message.DESCRIPTOR)}
        assert not names & {"url", "path", "source", "user", "password", "address"}


def test_the_contracts_are_lint_free_and_break_nobody() -> None:
    for command in (["lint", "proto"], ["breaking", "proto", "--against", "proto/baseline.binpb"]):
        answer = subprocess.run([BUF, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stdout) == (0, "")


def test_a_field_taken_away_is_found(tmp_path: Path) -> None:
    for source in (ROOT / "proto").rglob("*.proto"):
        target = tmp_path / source.relative_to(ROOT / "proto")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace("  uint32 revision = 2;\n", ""))
    (tmp_path / "buf.yaml").write_text((ROOT / "proto" / "buf.yaml").read_text())
    command = [BUF, "breaking", str(tmp_path), "--against", str(ROOT / "proto" / "baseline.binpb")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "revision" in answer.stdout

"""What goes up to the control plane: the same states under its own names, and no way to carry a picture."""

from google.protobuf.descriptor import Descriptor

from guardian.contracts.control.v1 import control_pb2
from guardian.contracts.edge.v1 import edge_pb2
from guardian.contracts.node.v1 import node_pb2
from guardian.node.agent.mapping import edge_health, essence, summary


def test_the_two_contracts_number_their_states_and_kinds_alike():
    for here, there, word, other in (
        (edge_pb2.ComponentState, control_pb2.HealthState, "COMPONENT", "HEALTH"),
        (edge_pb2.ObjectKind, control_pb2.MediaKind, "OBJECT", "MEDIA"),
    ):
        assert {name.replace(word, other): value for name, value in here.items()} == dict(there.items())


def _names(descriptor: Descriptor) -> set[str]:
    names = set()
    for field in descriptor.fields:
        names.add(field.name)
        if field.message_type is not None:
            names |= _names(field.message_type)
    return names


def test_a_summary_has_no_room_for_boxes_or_scores():
    assert not {"path", "best", "box", "score", "top_score", "frame_width"} & _names(
        control_pb2.EventSummary.DESCRIPTOR
    )


def test_a_summary_keeps_what_it_may():
    event = edge_pb2.Event(id="x", revision=2, edge_id="e", camera_id="front", label="person", top_score=0.5)
    event.start.FromSeconds(100)
    event.objects.add(id="o", kind=edge_pb2.OBJECT_KIND_CLIP, truncated=True).start.FromSeconds(99)
    made = summary(event)
    assert (made.id, made.revision, made.label, made.start.seconds, made.HasField("end")) == (
        "x",
        2,
        "person",
        100,
        False,
    )
    assert (made.objects[0].kind, made.objects[0].truncated) == (control_pb2.MEDIA_KIND_CLIP, True)


def test_figures_that_flicker_are_no_news_but_states_are():
    edge = node_pb2.EdgeInfo(id="e", online=True)
    camera = edge.status.cameras.add(id="front", fps=15.0, state=edge_pb2.COMPONENT_STATE_OK)
    before = essence([edge_health(edge)])
    camera.fps = 14.9
    edge.status.cpu_percent = 50
    assert essence([edge_health(edge)]) == before
    camera.state = edge_pb2.COMPONENT_STATE_FAILED
    assert essence([edge_health(edge)]) != before

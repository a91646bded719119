"""The lab's reading of packets, apt's sources and molecule's platforms; its hosts are tried in tests/host/lab."""

import struct
from pathlib import Path

import pytest
from tools.lab import hosts, network, roots, wire
from tools.lab.places import Refused


def frame(payload: bytes, *, protocol: int = 17, target_port: int = 51820, fragment: int = 0) -> bytes:
    """An Ethernet frame from the home to the node."""
    head = struct.pack(">HHHH", 40000, target_port, 8 + len(payload), 0)
    if protocol == 6:
        head = struct.pack(">HHIIBBHHH", 40000, target_port, 0, 0, 5 << 4, 0, 0, 0, 0)
    length = 20 + len(head) + len(payload)
    addresses = bytes([192, 0, 2, 2, 192, 0, 2, 10])
    packet = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, fragment, 64, protocol, 0) + addresses + head + payload
    # A short frame is padded on the wire: what follows the packet is none of it.
    return bytes(12) + b"\x08\x00" + packet + bytes(6)


@pytest.mark.parametrize(
    ("payload", "good"),
    [
        (b"\x01\0\0\0" + bytes(144), True),
        (b"\x02\0\0\0" + bytes(88), True),
        (b"\x03\0\0\0" + bytes(60), True),
        (b"\x04\0\0\0" + bytes(28), True),
        (b"\x04\0\0\0" + bytes(1404), True),
        (b"\x04\0\0\0" + bytes(1448), True),
        (b"\x04\0\0\0" + bytes(1447), False),
        (b"\x01\0\0\0" + bytes(143), False),
        (b"\x04\0\0\0" + bytes(29), False),
        (b"\x04\0\0\1" + bytes(28), False),
        (b"\x05\0\0\0" + bytes(28), False),
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (b"", False),
    ],
)
def test_wireguard_is_told_from_all_else(payload: bytes, good: bool):
    packet = wire.parse(frame(payload))
    assert (packet.source, packet.target, packet.target_port) == ("192.0.2.2", "192.0.2.10", 51820)
    assert packet.payload == payload
    assert packet.is_wireguard is good


def test_wireguards_bytes_in_tcp_are_not_wireguard():
    packet = wire.parse(frame(b"\x04\0\0\0" + bytes(28), protocol=6, target_port=7444))
    assert (packet.kind, packet.target_port, packet.is_wireguard) == ("tcp", 7444, False)


def test_an_unreachable_port_quotes_what_was_sent_there():
    sent = frame(b"\x01\0\0\0" + bytes(144))[14:-6]
    total = struct.pack(">H", 28 + len(sent))
    head = frame(b"", protocol=1)[:34]
    said = wire.parse(head[:16] + total + head[18:] + b"\x03\x03" + bytes(6) + sent)
    quoted = wire.quoted(said)
    assert quoted
    assert (quoted.is_wireguard, quoted.target, quoted.target_port) == (True, "192.0.2.10", 51820)
    assert wire.quoted(quoted) is None


def test_what_has_no_ports_is_named():
    assert wire.parse(bytes(12) + b"\x08\x06" + bytes(28)).kind == "arp"
    assert wire.parse(frame(b"", protocol=1)).kind == "icmp"
    assert wire.parse(frame(b"", fragment=7)).kind == "fragment"
    assert wire.parse(bytes(12) + b"\x88\xcc" + bytes(28)).kind == "ethertype 0x88cc"


def test_a_capture_ends_where_its_last_packet_is_cut(tmp_path: Path):
    one = frame(b"\x03\0\0\0" + bytes(60))
    record = struct.pack("<IIII", 1, 2, len(one), len(one)) + one
    file = tmp_path / "x.pcap"
    file.write_bytes(struct.pack("<IHHiIII", wire.MAGIC, 2, 4, 0, 0, 65535, wire.ETHERNET) + record * 2 + record[:-1])
    assert [packet.is_wireguard for packet in wire.read(file)] == [True, True]
    file.write_bytes(b"no capture")
    with pytest.raises(Refused):
        wire.read(file)


def test_a_platform_with_an_unknown_key_is_refused():
    assert hosts.spec_of({"name": "edge", "layer": ""}).network == "home"
    assert hosts.spec_of({"name": "node", "suite": "trixie"}) == hosts.Spec("node", "trixie")
    with pytest.raises(Refused, match="colour"):
        hosts.spec_of({"name": "edge", "colour": "red"})


@pytest.mark.parametrize("name", ["", "../x", "Node", "a-name-too-long", "-x"])
def test_a_hosts_name_is_a_name(name: str):
    with pytest.raises(Refused):
        hosts.folder(name)


def test_sources_are_this_machines_own_for_another_suite():
    for suite in roots.SUITES:
        lines = [line.split() for line in roots.sources(suite)]
        assert {line[2] for line in lines} >= {suite, f"{suite}-security"}
        assert all(line[0] == "deb" and line[3:] == ["main"] for line in lines)


def test_names_of_the_lab_are_in_its_hosts_file():
    assert "192.0.2.10 node node.guardian.test\n" in network.host_names()

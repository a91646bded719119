"""Both back ends at the level of their messages: wireguard-go's text, and netlink as the kernel's header has it.

No kernel here has WireGuard: that the kernel takes these messages is not shown, only that they are what pyroute2's own
decoder and linux/wireguard.h say.
"""

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.generic.wireguard import AsyncWireGuard, wgmsg

from guardian.common.wireguard import uapi
from guardian.common.wireguard.device import Peer, WireGuardError
from guardian.common.wireguard.kernel import MARK, peer_request, read
from guardian.common.wireguard.keys import new_private, public_of, text
from guardian.common.wireguard.probe import FLAG, answer_if_asked

PRIVATE = bytes([8] * 32)
OTHER = public_of(bytes([9] * 32))
PEER = Peer(OTHER, ("10.86.0.1/32",), ("192.0.2.1", 51820), 25)


def test_keys_are_fresh_and_as_wg_has_them():
    assert len({new_private() for _ in range(10)}) == 10
    assert base64.b64decode(text(OTHER)) == OTHER
    with pytest.raises(ValueError, match="32"):
        public_of(b"short")


def test_wireguard_go_is_told_one_thing_a_line():
    assert uapi.set_key(PRIVATE, 51820) == f"set=1\nprivate_key={PRIVATE.hex()}\nlisten_port=51820\n\n"
    assert uapi.set_key(PRIVATE, 0) == f"set=1\nprivate_key={PRIVATE.hex()}\n\n"
    assert uapi.put(PEER).splitlines() == [
        "set=1",
        f"public_key={OTHER.hex()}",
        "endpoint=192.0.2.1:51820",
        "persistent_keepalive_interval=25",
        "replace_allowed_ips=true",
        "allowed_ip=10.86.0.1/32",
        "",
    ]
    assert uapi.remove(OTHER) == f"set=1\npublic_key={OTHER.hex()}\nremove=true\n\n"


def test_what_wireguard_go_says_is_read():
    answer = (
        f"private_key={PRIVATE.hex()}\nlisten_port=51820\npublic_key={OTHER.hex()}\nendpoint=[2001:db8::1]:4\n"
        "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=500000000\nrx_bytes=7\ntx_bytes=9\n"
        "persistent_keepalive_interval=25\nallowed_ip=10.86.0.2/32\nprotocol_version=1\nerrno=0\n\n"
    )
    look = uapi.parse(answer.encode())
    seen = look.peers[OTHER]
    assert (look.public, look.port) == (public_of(PRIVATE), 51820)
    assert (seen.endpoint, seen.handshake, seen.received, seen.sent) == ("[2001:db8::1]:4", 1700000000.5, 7, 9)
    assert seen.allowed == {"10.86.0.2/32"}
    assert uapi.parse(b"errno=0\n\n").peers == {}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "wireguard_driver"),
        (b"\xff", "wireguard_driver"),
        (b"public_key=zz\nerrno=0\n\n", "wireguard_driver"),
        (b"public_key=00\nerrno=0\n\n", "wireguard_driver"),
        (b"private_key=00\nerrno=0\n\n", "wireguard_driver"),
        (b"errno=-22\n\n", "wireguard_refused"),
    ],
)
def test_nonsense_of_a_driver_is_an_error_with_a_reason(answer: bytes, reason: str):
    with pytest.raises(WireGuardError) as caught:
        uapi.parse(answer)
    assert caught.value.reason == reason


@given(st.binary(max_size=300))
def test_any_answer_is_a_look_or_an_error_of_ours(answer: bytes):
    try:
        assert uapi.parse(answer).peers is not None
    except WireGuardError as error:
        assert error.reason.startswith("wireguard_")


def encoded(peer: dict[str, Any]) -> Any:
    """A peer as pyroute2 puts it on the wire, taken off it again by its decoder."""
    message: Any = wgmsg()
    message["cmd"] = 1
    builder: Any = object.__new__(AsyncWireGuard)
    builder._wg_set_peer(message, peer)
    message.encode()
    again: Any = wgmsg(bytes(message.data))
    again.decode()
    return again


def test_the_kernel_is_told_the_same_by_netlink():
    (peer,) = encoded(peer_request(PEER)).get_attr("WGDEVICE_A_PEERS")
    assert base64.b64decode(peer.get_attr("WGPEER_A_PUBLIC_KEY")) == OTHER
    assert peer.get_attr("WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL") == 25
    endpoint = peer.get_attr("WGPEER_A_ENDPOINT")
    assert (endpoint["addr"], endpoint["port"]) == ("192.0.2.1", 51820)
    # WGPEER_F_REPLACE_ALLOWEDIPS
    assert peer.get_attr("WGPEER_A_FLAGS") == 2
    (network,) = peer.get_attr("WGPEER_A_ALLOWEDIPS")
    assert network["addr"] == "10.86.0.1/32"


def test_what_the_kernel_says_is_read_also_when_a_peer_goes_on_in_the_next_message():
    first = encoded(peer_request(PEER))
    second = encoded({"public_key": text(OTHER), "allowed_ips": ["10.86.0.9/32"]})
    look = read([first, second])
    seen = look.peers[OTHER]
    assert seen.endpoint == "192.0.2.1:51820"
    assert seen.allowed == {"10.86.0.1/32", "10.86.0.9/32"}
    assert (look.public, look.port, seen.handshake) == (b"", 0, 0.0)
    assert not look.is_marked


def test_what_goes_out_on_the_wire_is_marked_as_the_firewall_knows_it():
    message: Any = wgmsg()
    message["cmd"] = 1
    message["attrs"] = [("WGDEVICE_A_FWMARK", MARK)]
    message.encode()
    again: Any = wgmsg(bytes(message.data))
    again.decode()
    assert read([again]).is_marked
    rules = Path(__file__).resolve().parents[3] / "roles/firewall/templates/nftables.conf.j2"
    assert f"meta mark {MARK:#x} meta l4proto udp accept" in rules.read_text("utf-8")


def test_asked_whether_wireguard_go_is_needed_the_answer_is_the_exit_status(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["guardian-tunnel", FLAG])
    for has, status in ((False, 0), (True, 1)):
        monkeypatch.setattr("guardian.common.wireguard.probe.kernel_has_wireguard", lambda answer=has: answer)
        with pytest.raises(SystemExit) as ended:
            answer_if_asked()
        assert ended.value.code == status

"""What listens, by real sockets of this process."""

import ipaddress
import socket

from guardian.cli.host.ports import is_open, listeners, reach


def test_a_socket_that_listens_is_seen_with_its_address_and_goes_when_it_closes():
    with socket.socket() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not any(item.port == port and item.protocol == "tcp" for item in listeners())
        server.listen()
        datagrams.bind(("127.0.0.1", 0))
        found = listeners()
        assert is_open(found, "tcp", port)
        assert is_open(found, "udp", datagrams.getsockname()[1])
        assert {item.address for item in found if item.port == port} == {ipaddress.ip_address("127.0.0.1")}
        assert reach("127.0.0.1", port) == ""
    assert not is_open(listeners(), "tcp", port)
    assert "refused" in reach("127.0.0.1", port).lower()


def test_six_is_read_as_well_as_four():
    with socket.socket(socket.AF_INET6) as server:
        server.bind(("::1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert {str(item.address) for item in listeners() if item.port == port} == {"::1"}

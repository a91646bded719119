"""Whether this kernel has WireGuard: asked of generic netlink by name, without any privilege."""

import socket
import struct
import sys

FLAG = "--needs-userspace"
_FAMILY = b"wireguard\0"
_NETLINK_GENERIC = 16
# linux/genetlink.h
_GENL_ID_CTRL, _GETFAMILY, _ATTR_FAMILY_NAME = 16, 3, 2
_NLMSG_ERROR, _NLM_F_REQUEST = 2, 1


def kernel_has_wireguard() -> bool:
    """The kernel loads its module for this question, if it has one."""
    attribute = struct.pack("=HH", 4 + len(_FAMILY), _ATTR_FAMILY_NAME) + _FAMILY + bytes(-len(_FAMILY) % 4)
    body = struct.pack("=BBH", _GETFAMILY, 1, 0) + attribute
    header = struct.pack("=IHHII", 16 + len(body), _GENL_ID_CTRL, _NLM_F_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC) as netlink:
            netlink.settimeout(5)
            netlink.bind((0, 0))
            netlink.send(header + body)
            answer = netlink.recv(1 << 16)
    except OSError:
        return False
    kind: int = struct.unpack_from("=IHHII", answer)[1]
    return kind != _NLMSG_ERROR


def answer_if_asked() -> None:
    """For `ExecCondition=` of the unit that runs wireguard-go: exits 0 when it is needed, 1 when it is not."""
    if FLAG not in sys.argv[1:]:
        return
    if kernel_has_wireguard():
        print("The kernel has WireGuard.")
        sys.exit(1)
    print("The kernel has no WireGuard: wireguard-go is needed.")
    sys.exit(0)

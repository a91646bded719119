"""Tries from inside a unit's sandbox what a daemon that was taken over would try; says what worked.

Read from standard input by `python3 -`, run by sandbox.py under exactly a unit's own directives. Standard library
only. Each attempt is made in a child of its own, for the kernel may kill whoever makes it; what it would change is
undone, or was made with arguments that the kernel refuses after it has asked whether one may.
"""

import ctypes
import errno
import grp
import json
import mmap
import os
import pwd
import signal
import socket
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
# The kernel's numbers on x86_64.
CALLS = {
    "personality": 135,
    "pivot_root": 155,
    "adjtimex": 159,
    "acct": 163,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "reboot": 169,
    "sethostname": 170,
    "iopl": 172,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "ptrace": 101,
    "syslog": 103,
    "kexec_load": 246,
    "add_key": 248,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "bpf": 321,
    "userfaultfd": 323,
}
PASSED_ON = {errno.EINVAL, errno.EFAULT, errno.ENOENT, errno.ENOEXEC, errno.EBADF, errno.ESRCH, errno.ENODEV}
NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000


def call(name, *arguments):
    """One system call; OSError when it is refused."""
    ctypes.set_errno(0)
    if LIBC.syscall(ctypes.c_long(CALLS[name]), *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def passes(name, *arguments):
    """As `call`, with arguments that make no sense: that they are found wrong means that one was let through."""
    try:
        call(name, *arguments)
    except OSError as error:
        if error.errno not in PASSED_ON:
            raise


def place():
    """A folder that may be written: the unit's own state, runtime folder or /tmp."""
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
        if os.environ.get(name):
            return os.environ[name].split(":")[0]
    return "/tmp"


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)


def opens(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags))


def sock(*arguments):
    socket.socket(*arguments).close()


def send(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", (address, 9))


def listen(port):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
        server.listen()


def setuid_bit():
    path = place() + "/.probe-suid"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    try:
        os.chmod(path, 0o4700)
        if not os.stat(path).st_mode & stat.S_ISUID:
            raise PermissionError(errno.EPERM, "dropped")
    finally:
        os.unlink(path)


def execute_written():
    path = place() + "/.probe-exec"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o700)
    os.write(descriptor, b"#!/bin/true\n")
    os.close(descriptor)
    try:
        if os.spawnv(os.P_WAIT, path, [path]):  # noqa: S606 - its own file
            raise PermissionError(errno.EACCES, "not executed")
    finally:
        os.unlink(path)


def device_node():
    path = place() + "/.probe-node"
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.unlink(path)


def make_executable():
    area = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    if LIBC.mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, 5) < 0:
        raise OSError(ctypes.get_errno(), "mprotect")


def mount():
    call("mount", b"none", b"/tmp", b"tmpfs", 0, 0)
    call("umount2", b"/tmp", 2)


def change_owner():
    path = place() + "/.probe-owner"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    try:
        os.chown(path, 1, 1)
    finally:
        os.unlink(path)


def others_credentials():
    own = os.environ.get("CREDENTIALS_DIRECTORY", "")
    for folder, _, files in os.walk("/run/credentials"):
        if folder != own and not folder.startswith("/run/credentials/@"):
            for name in files:
                opens(folder + "/" + name)
                return
    raise PermissionError(errno.EACCES, "none is seen")


def others_processes():
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with open(f"/proc/{name}/status") as file:
                uid = next(line for line in file if line.startswith("Uid:")).split()[1]
            if int(uid) != os.getuid():
                return
    raise PermissionError(errno.EPERM, "none is seen")


def adjust_clock():
    # struct timex, 208 bytes: modes = ADJ_OFFSET_SINGLESHOT, offset 0.
    call("adjtimex", ctypes.create_string_buffer(struct.pack("=I4xq", 0x8001, 0) + bytes(192)))


def key():
    call("add_key", b"user", b"guardian-probe", b"x", 1, -3)


def create_group():
    with open("/proc/self/cgroup") as file:
        own = file.read().strip().rpartition(":")[2]
    path = "/sys/fs/cgroup" + own + "/probe"
    os.mkdir(path)
    os.rmdir(path)


ATTEMPTS = {
    "adjust the clock": adjust_clock,
    "ask the bus": lambda: unix("/run/dbus/system_bus_socket"),
    "ask systemd": lambda: unix("/run/systemd/private"),
    "become root": lambda: os.setresuid(0, 0, 0) if os.getuid() else no(),
    "change another's owner": change_owner,
    "chroot": lambda: os.chroot("/"),
    "execute what it wrote": execute_written,
    "keep a key in the kernel": key,
    "listen on tcp 80": lambda: listen(80),
    "listen on tcp 8099": lambda: listen(8099),
    "load BPF": lambda: passes("bpf", 0, 0, 0),
    "load a kernel": lambda: passes("kexec_load", 0, 0, 0, 0xFFFF),
    "load a module": lambda: passes("init_module", 0, 0, b""),
    "lower its niceness": lambda: os.nice(-1),
    "make a device": device_node,
    "make a set-user-ID file": setuid_bit,
    "make memory executable": make_executable,
    "map memory both writable and executable": lambda: mmap.mmap(-1, 4096, prot=7).close(),
    "mount": mount,
    "open /dev/fuse": lambda: opens("/dev/fuse", os.O_RDWR),
    "open /dev/kmsg": lambda: opens("/dev/kmsg"),
    "open /dev/mem": lambda: opens("/dev/mem"),
    "open /dev/net/tun": lambda: opens("/dev/net/tun", os.O_RDWR),
    "open a GPU": lambda: opens("/dev/dri/renderD128", os.O_RDWR),
    "open files by handle": lambda: passes("open_by_handle_at", -100, 0, 0),
    "ports of the machine": lambda: passes("iopl", 99),
    "read a core's counters": lambda: passes("perf_event_open", 0, 0, -1, -1, 0),
    "read another's credentials": others_credentials,
    "read the kernel's log": lambda: call("syslog", 10, 0, 0),
    "read the store of secrets": lambda: os.listdir("/etc/credstore.encrypted"),
    "read /etc/shadow": lambda: opens("/etc/shadow"),
    "reboot": lambda: passes("reboot", 0, 0, 0, 0),
    "remove a module": lambda: passes("delete_module", b"no_such_module", 0),
    "run in real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "see others' processes": others_processes,
    "set the host's name": lambda: call("sethostname", os.uname().nodename.encode(), len(os.uname().nodename)),
    "signal systemd": lambda: os.kill(1, 0),
    "socket bluetooth": lambda: sock(31, socket.SOCK_RAW, 1),
    "socket inet": lambda: sock(socket.AF_INET, socket.SOCK_STREAM),
    "socket inet6": lambda: sock(socket.AF_INET6, socket.SOCK_STREAM),
    "socket kernel crypto": lambda: sock(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "socket netlink": lambda: sock(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "socket packet": lambda: sock(socket.AF_PACKET, socket.SOCK_RAW),
    "socket raw": lambda: sock(socket.AF_INET, socket.SOCK_RAW, 1),
    "socket unix": lambda: sock(socket.AF_UNIX, socket.SOCK_STREAM),
    "socket virtual machine": lambda: sock(40, socket.SOCK_STREAM),
    "swap": lambda: passes("swapon", b"/no/such/file", 0),
    "take page faults": lambda: passes("userfaultfd", 0xFFFE),
    "trace": lambda: call("ptrace", 0, 0, 0, 0),
    "unshare mounts": lambda: call("unshare", NEWNS),
    "unshare network": lambda: call("unshare", NEWNET),
    "unshare processes": lambda: call("unshare", NEWPID),
    "unshare users": lambda: call("unshare", NEWUSER),
    "use another personality": lambda: call("personality", 0x0400000),
    "write /etc": lambda: create("/etc/.probe"),
    "write /home": lambda: create("/home/.probe"),
    "write /opt/guardian": lambda: create("/opt/guardian/.probe"),
    "write /proc/sys": lambda: opens("/proc/sys/kernel/domainname", os.O_WRONLY),
    "write /root": lambda: create("/root/.probe"),
    "write /sys": lambda: opens("/sys/kernel/mm/transparent_hugepage/enabled", os.O_WRONLY),
    "write /usr": lambda: create("/usr/.probe"),
    "write accounts": lambda: passes("acct", b"/no/such/file"),
    "write control groups": create_group,
}


def no():
    raise PermissionError(errno.EPERM, "it is root already")


def unix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(path)


def attempt(deed, *arguments):
    """'allowed', the name of what the kernel said, or the signal that it sent."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            deed(*arguments)
            said = b"allowed"
        except OSError as error:
            said = errno.errorcode.get(error.errno or 0, str(error)).encode()
        except Exception as error:  # noqa: BLE001 - whatever it was, it did not work
            said = type(error).__name__.encode()
        os.write(writer, said)
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 200).decode()
    os.close(reader)
    status = os.waitpid(child, 0)[1]
    return answer or f"killed by {signal.Signals(os.WTERMSIG(status)).name}"


def who():
    """User, groups, capabilities, and what else the kernel keeps of a process."""
    with open("/proc/self/status") as file:
        kept = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {
        "user": name(pwd.getpwuid, os.getuid()),
        "group": name(grp.getgrgid, os.getgid()),
        "groups": sorted({name(grp.getgrgid, number) for number in os.getgroups()}),
        "capabilities": {key: kept["Cap" + key] for key in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
        "no_new_privileges": kept["NoNewPrivs"] == "1",
        "seccomp": kept["Seccomp"] == "2",
        "umask": kept["Umask"],
        "interfaces": sorted(item for _, item in socket.if_nameindex()) if may_list() else None,
        "credentials": sorted(os.listdir(os.environ["CREDENTIALS_DIRECTORY"]))
        if "CREDENTIALS_DIRECTORY" in os.environ
        else [],
        "devices": sorted(devices()),
    }


def may_list():
    return attempt(socket.if_nameindex) == "allowed"


def devices():
    """What may be opened below /dev, beyond what every process is given."""
    for folder, _, files in os.walk("/dev"):
        for item in files:
            path = folder + "/" + item
            kind = os.stat(path).st_mode if os.path.exists(path) else 0
            if os.path.islink(path):
                continue
            if (
                (stat.S_ISCHR(kind) or stat.S_ISBLK(kind))
                and os.access(path, os.W_OK)
                and not path.startswith("/dev/pts/")
            ):
                yield path


def name(look, number):
    try:
        return look(number)[0]
    except KeyError:
        return str(number)


def writable():
    """The topmost folders and the single files that may be written; /proc, /sys, /dev have attempts of their own."""
    found = []
    for folder, folders, files in os.walk("/"):
        if folder == "/":
            folders[:] = [item for item in folders if item not in ("proc", "sys", "dev")]
        if os.access(folder, os.W_OK | os.X_OK):
            found.append(folder)
            folders[:] = []
            continue
        folders[:] = [item for item in folders if not os.path.islink(os.path.join(folder, item))]
        for item in files:
            path = os.path.join(folder, item)
            # A pipe or socket is written to wherever it lies: that is asking, not changing.
            if os.access(path, os.W_OK) and stat.S_ISREG(os.lstat(path).st_mode):
                found.append(path)
    return sorted(found)


def sockets():
    """Unix sockets of this host that take a connection from here."""
    found = []
    for top in ("/run/guardian", "/run/postgresql"):
        for folder, _, files in os.walk(top):
            for item in files:
                path = folder + "/" + item
                if not stat.S_ISSOCK(os.lstat(path).st_mode):
                    continue
                if "allowed" in (attempt(unix, path), attempt(datagram, path)):
                    found.append(path)
    return sorted(found)


def datagram(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(path)


def main():
    addresses = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    said = {"who": who(), "attempts": {key: attempt(deed) for key, deed in ATTEMPTS.items()}}
    said["sends"] = {key: attempt(send, address) for key, address in addresses.items()}
    said["writable"] = writable()
    said["sockets"] = sockets()
    json.dump(said, sys.stdout)


main()

"""Run the probe under exactly a unit's own directives.

The unit's text is copied, drop-ins and all, into a unit of its own below /run; only what is run is replaced, and how
its end is judged. So the probe has the unit's user, credentials, namespaces, filters and capabilities, and the daemon
itself is left alone. Its folders are the unit's too: `RuntimeDirectoryPreserve=` keeps systemd from taking them away
when the probe ends.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.host.runner import HERE, Host, HostError

_FOLDER = "/run/guardian-probe"
# What makes a daemon of it: replaced or left out. Everything else of [Service] is kept.
_RUNS = re.compile(
    r"(Exec\w+|Type|Notify\w+|Restart\w*|Watchdog\w*|Timeout\w+|RuntimeMaxSec|Standard\w+|Success\w+|RemainAfterExit"
    r"|Sockets|PIDFile|BusName|Reload\w+|GuessMainPID|RuntimeDirectoryPreserve|Kill\w*|FinalKillSignal|OOMPolicy"
    r"|StartLimit\w+|FileDescriptorStoreMax)\s*="
)
# A value goes on below a backslash; comments may stand between.
_CONTINUED = re.compile(r"\\\n(?:\s*[#;].*\n)*\s*")
_INSTEAD = f"""
Type=oneshot
RuntimeDirectoryPreserve=yes
TimeoutStartSec=60
StandardInput=file:{_FOLDER}/probe.py
StandardOutput=truncate:{_FOLDER}/NAME.json
StandardError=truncate:{_FOLDER}/NAME.err
ExecStart=/usr/bin/python3 - ARGUMENTS
"""
_COMMON = {f"/dev/{name}" for name in ("full", "null", "ptmx", "random", "tty", "urandom", "zero")}
# In the kernel's order.
_NAMES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
    "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
    "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
)
_CAPABILITIES = _NAMES.split()


# One place in each world a daemon might send to.
PLACES = {"loopback": "127.0.0.1", "tunnel": "10.86.0.1", "internet": "198.51.100.1"}


@dataclass(frozen=True)
class Seen:
    """What the probe said from inside."""

    who: dict[str, Any]
    attempts: dict[str, str]
    sends: dict[str, str]
    writable: list[str]
    sockets: list[str]

    @property
    def allowed(self) -> set[str]:
        """Attempts that worked."""
        return {name for name, said in self.attempts.items() if said == "allowed"}

    def capabilities(self, which: str) -> list[str]:
        """Names of a set (Bnd, Eff, Prm, Amb, Inh), without CAP_ and in small letters."""
        bits = int(self.who["capabilities"][which], 16)
        names = [_CAPABILITIES[number] for number in range(len(_CAPABILITIES)) if bits >> number & 1]
        return names + (["unknown"] if bits >> len(_CAPABILITIES) else [])

    @property
    def devices(self) -> list[str]:
        """Those beyond what PrivateDevices= leaves to everybody."""
        return [name for name in self.who["devices"] if name not in _COMMON]


def probe(host: Host, unit: str, addresses: dict[str, str] | None = None) -> Seen:
    """What may be done from inside `unit` (NAME.service); HostError when its sandbox cannot be set up."""
    name = probe_name(unit)
    text = host.run("systemctl", "cat", "--", unit).out
    folders = folders_of(text, unit)
    made = [path for path, found in zip(folders, host.describe(*folders), strict=True) if found is None]
    host.write(f"{_FOLDER}/probe.py", (HERE / "probe.py").read_bytes())
    host.write(f"/run/systemd/system/{name}", transform(text, name, addresses or {}))
    try:
        host.run("systemctl", "daemon-reload")
        started = host.try_run("systemctl", "start", "--", name, timeout=90)
        said, complaint = host.read(f"{_FOLDER}/{name}.json"), host.read(f"{_FOLDER}/{name}.err")
        if started.status or not said:
            journal = host.run("journalctl", "-q", "-o", "cat", "-n", "10", "-u", name).out
            raise HostError(f"The probe did not run as {unit}: {complaint or journal or started.err}")
        return Seen(**json.loads(said))
    finally:
        host.try_run("systemctl", "reset-failed", "--", name)
        host.remove(f"/run/systemd/system/{name}")
        host.remove(f"{_FOLDER}/{name}.json")
        host.remove(f"{_FOLDER}/{name}.err")
        # A unit that never ran has no folders yet, and is to have none because of the probe.
        host.run_all(*(["rmdir", "--", path] for path in reversed(made)))
        host.run("systemctl", "daemon-reload")


def folders_of(text: str, unit: str) -> list[str]:
    """What systemd makes for it, outer folders first."""
    instance = unit.partition("@")[2].rpartition(".")[0]
    tops = {"StateDirectory": "/var/lib", "RuntimeDirectory": "/run", "CacheDirectory": "/var/cache"}
    found = re.findall(rf"^({'|'.join(tops)})=(.*)$", text, re.MULTILINE)
    return sorted(f"{tops[key]}/{name.replace('%i', instance)}" for key, names in found for name in names.split())


def probe_name(unit: str) -> str:
    """`guardian-camera@front.service` becomes `guardian-camera-probe@front.service`: %i stays what it is."""
    stem, dot, suffix = unit.rpartition(".")
    front, at, instance = stem.partition("@")
    return f"{front}-probe{at}{instance}{dot}{suffix}"


def transform(text: str, name: str, addresses: dict[str, str]) -> str:
    """The unit's text with the probe in the daemon's place; [Unit] and [Install], which sandbox nothing, go."""
    kept, section = [], ""
    for line in _CONTINUED.sub(" ", text).splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == "[Service]" and stripped[:1] not in ("", "#", ";") and not _RUNS.match(stripped):
            kept.append(stripped)
    # A secret that was spent, as enrolment's seed, is not there any more: systemd then takes this.
    named = {match[1] for line in kept if (match := re.match(r"LoadCredential(?:Encrypted)?=([^:]+):", line))}
    kept += [f"SetCredential={secret}:probe" for secret in sorted(named) if f"SetCredential={secret}:" not in text]
    quoted = json.dumps(json.dumps(addresses))
    instead = _INSTEAD.replace("NAME", name.replace("%", "%%")).replace("ARGUMENTS", quoted.replace("%", "%%"))
    return "[Service]\n" + "\n".join(kept) + instead

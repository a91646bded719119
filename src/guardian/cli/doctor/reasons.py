"""The closed list of what the doctor may find: a reason for programs, what it means, what mends it.

docs/troubleshooting.md is made from it, and a finding can have no other reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """`check` is what `--only` takes."""

    check: str
    means: str
    mend: str


REASONS: dict[str, Reason] = {
    "config_bad": Reason(
        "config",
        "A configuration file cannot be used. A running daemon keeps the one it has, but would not start with this.",
        "Mend the line that is named; `guardian-NAME --check` tries the file out.",
    ),
    "config_tier_absent": Reason(
        "config",
        "The file is for a tier that is not installed here.",
        "Install the tier's release, or remove the file.",
    ),
    "config_no_camera": Reason(
        "config", "The edge knows of no camera.", "Write one ID.yaml for each camera, with its name and path."
    ),
    "identity_absent": Reason(
        "identity",
        "This host has not been enrolled: it has no keys, and no peer knows it.",
        "Get a one-time token from the tier above and enrol with it: `guardian edge enroll` or `guardian node enroll`; "
        "on a host put the seed into /etc/guardian/seed/.",
    ),
    "identity_unreadable": Reason(
        "identity",
        "Where this host's identity should be lies something else, such as a link or a pipe.",
        "Look who laid it there: no daemon of ours does. Take it away, and restore the identity from a backup.",
    ),
    "identity_key_missing": Reason(
        "identity",
        "A private key that this host was enrolled with is gone.",
        "Restore it from a backup, or enrol again with a new token.",
    ),
    "identity_key_exposed": Reason(
        "identity",
        "Others than its owner may read or change a private key.",
        "Take the rights away (chmod 600); if strangers use this host, enrol again.",
    ),
    "certificate_expired": Reason(
        "certificate",
        "A certificate has ended: the other side refuses the connection.",
        "Let its daemon renew it (restart the daemon that says so); if it cannot, enrol again with a new token.",
    ),
    "certificate_expiring": Reason(
        "certificate",
        "A certificate should have been renewed by now and was not.",
        "Look why its renewal fails: `journalctl -u 'guardian-*' -g renew`; the peer must be reachable.",
    ),
    "certificate_not_yet_valid": Reason(
        "certificate",
        "A certificate begins in the future: this host's clock is behind, or its issuer's is ahead.",
        "Mend the clock first: timedatectl.",
    ),
    "certificate_unreadable": Reason(
        "certificate",
        "A file that should be a certificate is none, or cannot be read.",
        "Restore it from a backup, or enrol again with a new token.",
    ),
    "clock_behind": Reason(
        "clock",
        "The clock is behind times that others have signed, or that this host itself has written before.",
        "Let it follow a time server: timedatectl set-ntp true; then restart guardian-tunnel or guardian-hub.",
    ),
    "clock_apart": Reason(
        "clock",
        "The clock is not where a peer's clock is.",
        "Let both follow a time server: timedatectl set-ntp true",
    ),
    "clock_stepped": Reason(
        "clock",
        "The clock was moved while the daemons ran, and no time server confirms it.",
        "Compare it with a clock you trust; let it follow a time server: timedatectl set-ntp true",
    ),
    "clock_unsynchronised": Reason(
        "clock",
        "No time server confirms the clock. WireGuard, certificates and the times of events rest on it.",
        "timedatectl set-ntp true, and let udp port 123 out to the time server: timedatectl timesync-status",
    ),
    "disk_full": Reason(
        "disk",
        "A file system has next to no room: recording and the stores stop there.",
        "Make room or add a larger disk; `journalctl --vacuum-size=200M` frees the journal's part.",
    ),
    "disk_low": Reason("disk", "A file system will soon be full.", "Make room before recording has to stop."),
    "inodes_low": Reason(
        "disk",
        "A file system can hold few more files, whatever room there is.",
        "Remove folders with many small files, or make the file system again with more inodes.",
    ),
    "disk_unusable": Reason(
        "disk", "The state folder is not there.", "Create it for the daemons' user, or name another as state_dir."
    ),
    "disk_readonly": Reason(
        "disk",
        "The file system of the state folder is mounted read-only, as after an error of the disk.",
        "Look into `journalctl -k` for errors of the disk; check it, then mount it read-write again.",
    ),
    "ownership_wrong": Reason(
        "permissions",
        "A folder or file belongs to another user than the one daemon that should write it, or to a wrong group.",
        "Give it back with the chown that is named, or run the playbook again.",
    ),
    "mode_wrong": Reason(
        "permissions",
        "More users than need to may read, write or enter a folder or file, or its own daemon may not.",
        "Set the mode that is named with chmod, or run the playbook again.",
    ),
    "memory_low": Reason(
        "memory",
        "Little memory is left; the kernel will soon end a daemon.",
        "Look who takes it: `systemd-cgtop -m`; run fewer cameras, or a smaller model.",
    ),
    "memory_pressure": Reason(
        "memory",
        "Daemons wait for memory a good part of their time.",
        "Look who takes it: `systemd-cgtop -m`; run fewer cameras, or a smaller model.",
    ),
    "target_absent": Reason(
        "units",
        "The tier is configured, and systemd does not know its units.",
        "Run the playbook again: its role systemd_units installs them.",
    ),
    "target_inactive": Reason(
        "units",
        "The tier as a whole is not started.",
        "systemctl enable --now the target that is named.",
    ),
    "target_disabled": Reason(
        "units",
        "The tier runs and would not come back after a restart of the machine.",
        "systemctl enable the target that is named.",
    ),
    "unit_failed": Reason(
        "units",
        "A unit ended in an error and systemd has given it up.",
        "Read why: `journalctl -u UNIT -n 30`; mend that, then `systemctl restart UNIT`.",
    ),
    "unit_stopped": Reason("units", "A unit that belongs to the tier does not run.", "systemctl start UNIT"),
    "unit_restarting": Reason(
        "units",
        "A unit ends and is started over and over.",
        "Read why: `journalctl -u UNIT -n 30`.",
    ),
    "unit_waiting": Reason(
        "units",
        "A unit was not started because what it needs is not there yet, such as a key that enrolment makes.",
        "Enrol this host; if it is enrolled: `systemctl start UNIT` and read `systemctl status UNIT`.",
    ),
    "unit_missing": Reason(
        "units",
        "The target wants a unit of which there is no file, or one that cannot be read.",
        "Run the playbook again; `systemctl cat UNIT` and `systemd-analyze verify UNIT` say what is wrong.",
    ),
    "unit_reload_needed": Reason(
        "units", "Unit files were changed and systemd still goes by the old ones.", "systemctl daemon-reload"
    ),
    "credential_missing": Reason(
        "credentials",
        "A unit's secret is not in the store.",
        "Enrol again, or put the secret there: `systemd-creds encrypt --name=NAME - FILE` as root.",
    ),
    "credential_undecryptable": Reason(
        "credentials",
        "A unit could not be given its secret: the store's file is damaged, or was encrypted for another machine.",
        "Make the secret again on this machine (enrol again; for a camera: write its password once more).",
    ),
    "credential_exposed": Reason(
        "credentials",
        "Others than root may read or change the store of secrets.",
        "chown root:root and chmod 600 the file that is named.",
    ),
    "release_broken": Reason(
        "release",
        "The link to the release in force leads nowhere, or what it names is incomplete.",
        "Point it at a whole release below /opt/guardian/releases/, or run playbooks/rollback.yml.",
    ),
    "release_restart_needed": Reason(
        "release",
        "A daemon runs another version than the release in force.",
        "systemctl restart the unit that is named.",
    ),
    "firewall_off": Reason(
        "firewall",
        "No firewall is loaded: every port that anything opens is open to everybody.",
        "systemctl enable --now nftables, and run the playbook again if there is no ruleset.",
    ),
    "firewall_lax": Reason(
        "firewall",
        "A firewall is loaded, and lets in what no rule speaks of.",
        "Run the playbook again: its role firewall drops by default.",
    ),
    "port_blocked": Reason(
        "ports",
        "The firewall lets nobody in to a port that this tier serves.",
        "Run the playbook again, or take the rule away: nft -a list ruleset",
    ),
    "port_closed": Reason(
        "ports",
        "Nothing listens on a port that this tier serves.",
        "Start the unit that is named, and read its journal if it does not stay.",
    ),
    "socket_missing": Reason(
        "ports",
        "A Unix socket on which this host's own daemons meet is not there.",
        "Restart the unit that is named.",
    ),
    "peer_unreachable": Reason(
        "peer",
        "The tier above does not take connections from here.",
        "Look at the network and the tunnel from here, and run `guardian doctor` on the other host.",
    ),
    "tunnel_interface_missing": Reason(
        "tunnel",
        "The WireGuard interface is not there, or is not up.",
        "systemctl restart guardian-tunnel (on a node: guardian-hub), and read its journal.",
    ),
    "tunnel_down": Reason(
        "tunnel",
        "The other end of the WireGuard tunnel has not answered for minutes.",
        "See that udp 51820 gets out to the node, that the node is up, and that neither clock has stepped back.",
    ),
    "database_stopped": Reason(
        "database",
        "PostgreSQL does not take connections.",
        "systemctl start postgresql, and read its journal: a full disk stops it too.",
    ),
    "camera_not_watching": Reason(
        "cameras",
        "A camera is configured and no picture of it arrives.",
        "Look at the sentence: its cable, address or password; then `systemctl restart guardian-camera@ID`.",
    ),
    "model_missing": Reason(
        "model",
        "The detector's model is missing or damaged: the edge makes events of motion only.",
        "guardian model fetch, or mend model.path.",
    ),
    "roster_broken": Reason(
        "roster",
        "The household's roster does not hold: nothing is sealed to it.",
        "Compare the words with your browser's: this may be another household's.",
    ),
    "roster_absent": Reason(
        "roster",
        "The owner has made no vault yet: nothing is recorded before there is one.",
        "Sign in and set the vault's secret, or run `guardian vault init`.",
    ),
    "roster_unconfirmed": Reason(
        "roster",
        "The owner has not confirmed this edge, or has revoked it: nothing is recorded.",
        "In the browser compare the words and confirm.",
    ),
    "daemons_absent": Reason(
        "daemons", "No daemon runs.", "Start them, e.g. `make demo`, or name another directory with --run-dir."
    ),
    "daemon_silent": Reason(
        "daemons", "A daemon's health socket is there and nobody answers.", "Start it again and read its journal."
    ),
    "daemon_failing": Reason(
        "daemons", "A daemon says that something it needs has failed.", "Read its sentence, and its log."
    ),
    "daemon_degraded": Reason(
        "daemons", "A daemon does its work, and not all of it.", "Read its sentence, and its log."
    ),
}

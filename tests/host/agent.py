"""Runs on the host under test, as root, with nothing but its Python's standard library: answers JSON lines.

It is sent over the connection by runner.py and never lies on the host's disk.
"""

import base64
import grp
import json
import os
import pwd
import stat
import subprocess
import sys
from typing import Any


def run(argv, text="", timeout=60, env=None):
    """A command's status, output and complaint."""
    try:
        done = subprocess.run(
            argv,
            input=text.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
            env={
                **os.environ,
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
                "SYSTEMD_COLORS": "0",
                "SYSTEMD_PAGER": "",
                **(env or {}),
            },
        )
    except subprocess.TimeoutExpired:
        return {"status": -1, "out": "", "err": f"not done after {timeout} s"}
    except OSError as error:
        return {"status": -1, "out": "", "err": str(error)}
    return {
        "status": done.returncode,
        "out": done.stdout.decode("utf-8", "replace"),
        "err": done.stderr.decode("utf-8", "replace"),
    }


def read(path):
    """A file's bytes, base64; None when there is none."""
    try:
        with open(path, "rb") as file:
            return base64.b64encode(file.read(64 << 20)).decode()
    except FileNotFoundError:
        return None


def write(path, data, mode):
    """Replace a file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(base64.b64decode(data))
    os.replace(path + ".new", path)


def remove(path):
    """A file, or nothing."""
    if os.path.lexists(path):
        os.unlink(path)


def describe(path):
    """Kind, mode, owner, group, size, and where a link leads; None when there is nothing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return {
        "path": path,
        "kind": stat.filemode(found.st_mode)[0],
        "mode": stat.S_IMODE(found.st_mode),
        "owner": _name(pwd.getpwuid, found.st_uid),
        "group": _name(grp.getgrgid, found.st_gid),
        "size": found.st_size,
        "target": os.readlink(path) if stat.S_ISLNK(found.st_mode) else "",
    }


def walk(top, bits=0, same_device=True, kinds="", most=5000):
    """Everything below `top` whose mode has one of `bits` (0: all), of the kinds named; no link is followed."""
    found, device = [], os.lstat(top).st_dev if os.path.lexists(top) else 0
    for folder, folders, files in os.walk(top):
        kept = []
        for name in folders:
            place = os.lstat(os.path.join(folder, name))
            if not same_device or place.st_dev == device or stat.S_ISLNK(place.st_mode):
                kept.append(name)
        folders[:] = [name for name in kept if not os.path.islink(os.path.join(folder, name))]
        for name in kept + files:
            path = os.path.join(folder, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if kinds and stat.filemode(mode)[0] not in kinds:
                continue
            if not bits or (not stat.S_ISLNK(mode) and mode & bits):
                found.append(describe(path))
                if len(found) >= most:
                    return found
    return found


def accounts():
    """Users with their groups, and groups with their members, by name."""
    users: list[dict[str, Any]] = [
        {"name": item.pw_name, "uid": item.pw_uid, "home": item.pw_dir, "shell": item.pw_shell, "gid": item.pw_gid}
        for item in pwd.getpwall()
    ]
    for user in users:
        user["groups"] = sorted(_name(grp.getgrgid, number) for number in os.getgrouplist(user["name"], user["gid"]))
    return {"users": users, "groups": {item.gr_name: sorted(item.gr_mem) for item in grp.getgrall()}}


def _name(look, number):
    try:
        return look(number)[0]
    except KeyError:
        return str(number)


DEEDS: dict[str, Any] = {
    "run": run,
    "read": read,
    "write": write,
    "remove": remove,
    "describe": describe,
    "walk": walk,
    "accounts": accounts,
}


def serve():
    """One line in, one line out, until the connection closes."""
    for line in sys.stdin:
        answer: dict[str, Any]
        try:
            answer = {"answer": [DEEDS[name](**arguments) for name, arguments in json.loads(line)]}
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to who asked
            answer = {"fault": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


serve()

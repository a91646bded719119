#!/bin/sh
# What UEFI starts, as Microsoft and this distribution signed it: files of packages that are not installed, for an
# installed GRUB would look after a /boot of its own. apt asks no network for what lies in its archives already. They
# must be of the distribution whose kernel this is: its shim starts what it signed itself, and nothing else.
set -eu
target=/usr/lib/guardian-appliance/uefi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apt-get --yes --quiet=2 --download-only --reinstall --no-install-recommends install shim-signed grub-efi-amd64-signed

# take PACKAGE FILE NAME: that file of the package, and a line that says whose it is.
take() {
  version=$(apt-cache policy "$1" | sed -n 's/^  Candidate: //p')
  if [ ! -d "$work/$1" ]; then
    dpkg-deb --extract "/var/cache/apt/archives/$1_$(echo "$version" | sed 's/:/%3a/')_amd64.deb" "$work/$1"
    install -m 0644 "$work/$1/usr/share/doc/$1/copyright" "$work/new/$1.copyright"
  fi
  install -m 0644 "$work/$1/usr/lib/$2" "$work/new/$3"
  echo "$3 $1 $version" >> "$work/new/packages"
}

mkdir "$work/new"
. /etc/os-release
case $ID in
  debian)
    take shim-signed shim/shimx64.efi.signed BOOTX64.EFI
    take shim-helpers-amd64-signed shim/mmx64.efi.signed mmx64.efi
    ;;
  ubuntu)
    take shim-signed shim/shimx64.efi.signed.latest BOOTX64.EFI
    take shim-signed shim/mmx64.efi mmx64.efi
    ;;
  *)
    echo "There is no signed shim that is known of for $ID." >&2
    exit 1
    ;;
esac
take grub-efi-amd64-signed grub/x86_64-efi-signed/grubx64.efi.signed grubx64.efi
rm -rf "$target"
install -d -m 0755 "${target%/*}"
cp -R "$work/new" "$target"
chmod 0755 "$target"

# Plays the roles of a tier in a machine that runs, for both distributions; what it leaves is a tape of the whole tree
# (work/tree.raw), from which `python -m tools.image` makes disk, installer and the rest exactly as from its own bake.
# Variables: variables.pkr.hcl. Started by `make image-packer`.

packer {
  # 1.6.6 has plugins qemu and ansible in itself; from 1.10 on they are installed beside it (packer/README.md),
  # and a block that asks for them is an error for the older ones.
  required_version = ">= 1.6.6"
}

locals {
  # The port forward on loopback alone; vda is the system's disk, vdb the tape.
  forward = "hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"
  disks = [
    ["-drive", "file={{ .OutputDir }}/{{ .Name }},if=virtio,format=qcow2,cache=unsafe"],
    ["-drive", "file=${var.work}/tree.raw,if=virtio,format=raw,cache=unsafe"],
  ]
  cidata = ["-drive", "file=${var.work}/cidata.iso,media=cdrom,format=raw,readonly=on"]
  serial = ["-serial", "file:${var.work}/serial.log"]
}

# From a disk that tools/image/packed.py makes of the same root as the native bake. It sees no network: the packages
# lie on it.
source "qemu" "debian" {
  disk_image       = true
  iso_url          = "${var.work}/base.qcow2"
  iso_checksum     = "none"
  format           = "qcow2"
  skip_resize_disk = true
  skip_compaction  = true
  vm_name          = "system.qcow2"
  output_directory = "${var.work}/out"

  accelerator  = var.accelerator
  machine_type = "q35"
  cpus         = var.cpus
  memory       = var.memory
  headless     = true
  # Nothing is typed.
  disable_vnc = true
  qemuargs = concat(local.disks, [
    local.cidata,
    local.serial,
    ["-cpu", "max"],
    ["-netdev", "user,id=user.0,restrict=on,${local.forward}"],
    ["-kernel", var.debian_kernel],
    ["-initrd", var.debian_initrd],
    ["-append", "root=LABEL=guardian-bake rw console=ttyS0 mitigations=off"],
  ])

  ssh_username              = "root"
  ssh_private_key_file      = var.ssh_key
  ssh_timeout               = var.ssh_timeout
  ssh_clear_authorized_keys = false
  shutdown_command          = "systemctl poweroff"
  shutdown_timeout          = "10m"
}

# From the publisher's medium, by autoinstall (packer/ubuntu/). Packages come from its archive.
source "qemu" "ubuntu" {
  iso_url          = var.ubuntu_iso
  iso_checksum     = "sha256:${var.ubuntu_iso_sha256}"
  format           = "qcow2"
  disk_size        = "16G"
  skip_compaction  = true
  vm_name          = "system.qcow2"
  output_directory = "${var.work}/out"

  accelerator  = var.accelerator
  machine_type = "q35"
  cpus         = var.cpus
  memory       = var.memory
  headless     = true
  boot_wait    = var.ubuntu_boot_wait
  # GRUB's own prompt: the menu's entry, and "yes, wipe the disk" said beforehand.
  boot_command = [
    "c<wait2>",
    "linux /casper/vmlinuz autoinstall console=ttyS0 ---<enter><wait2>",
    "initrd /casper/initrd<enter><wait5>",
    "boot<enter>",
  ]
  qemuargs = concat(local.disks, [
    ["-drive", "file=${var.ubuntu_iso},media=cdrom,format=raw,readonly=on"],
    local.cidata,
    local.serial,
    ["-cpu", "max"],
    ["-netdev", "user,id=user.0,${local.forward}"],
  ])

  ssh_username         = "root"
  ssh_private_key_file = var.ssh_key
  ssh_timeout          = var.ssh_timeout
  # The installer's own sshd may answer first, and know no key.
  ssh_handshake_attempts    = 1000
  ssh_clear_authorized_keys = false
  shutdown_command          = "systemctl poweroff"
  shutdown_timeout          = "10m"
}

build {
  sources = ["source.qemu.debian", "source.qemu.ubuntu"]

  provisioner "shell" {
    script = "${path.root}/ready.sh"
  }

  provisioner "ansible" {
    playbook_file = "${path.root}/../playbooks/bake.yml"
    user          = "root"
    use_proxy     = false
    host_alias    = "image"
    groups        = [var.tier]
    ansible_env_vars = [
      "ANSIBLE_CONFIG=${path.root}/../ansible.cfg",
      # A machine of one hour, reached by a port of loopback.
      "ANSIBLE_HOST_KEY_CHECKING=False",
      "ANSIBLE_SSH_ARGS=-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes",
      "ANSIBLE_TIMEOUT=120",
    ]
    extra_arguments = [
      "-e", "ansible_python_interpreter=/usr/bin/python3",
      "-e", "bake_model=${var.model}",
      "-e", jsonencode({
        bake_apt_update = source.name == "ubuntu",
        bake_intel_gpu  = source.name == "ubuntu" && var.tier == "edge",
      }),
    ]
  }

  provisioner "shell" {
    script = "${path.root}/tape.sh"
  }
}

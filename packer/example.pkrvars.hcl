# An example of -var-file, for Ubuntu with KVM; packer/README.md says how Packer is run by hand, packer/variables.pkr.hcl
# what each of these is. Packer reads a file of variables only if its name ends in .pkrvars.hcl or .pkrvars.json.
# `work` and `ssh_key` must be there: `python -m tools.image --packer ubuntu … --prepare` makes both, and writes a file
# of variables that fits them.
work              = "build/image/packer/ubuntu"
ssh_key           = "build/image/packer/ubuntu/key"
model             = "detector.onnx"
accelerator       = "kvm"
ubuntu_iso        = "ubuntu-24.04-live-server-amd64.iso"
ubuntu_iso_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
ubuntu_boot_wait  = "10s"

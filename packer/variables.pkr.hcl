# What packer/edge.pkr.hcl can be told. `make image-packer` gives all whose default is empty; by hand: packer/README.md.

variable "tier" {
  type        = string
  default     = "edge"
  description = "Whose roles of playbooks/bake.yml are played: edge or node."
}

variable "work" {
  type        = string
  default     = ""
  description = "Folder with cidata.iso, tree.raw and, for Debian, base.qcow2; Packer puts its own folder `out` there."
}

variable "ssh_key" {
  type        = string
  default     = ""
  description = "Private key, made for this one build, that root of the machine knows. No image keeps it."
}

variable "model" {
  type        = string
  default     = ""
  description = "The detector, a file on this machine."
}

variable "accelerator" {
  type        = string
  default     = "tcg"
  description = "kvm where this machine has it; tcg runs everywhere, some ten times slower."
}

variable "cpus" {
  type        = number
  default     = 2
  description = "Processors of the machine."
}

variable "memory" {
  type        = number
  default     = 3072
  description = "Of the machine, in MiB."
}

variable "ssh_timeout" {
  type        = string
  default     = "90m"
  description = "How long the machine may take until it can be reached; Ubuntu is installed meanwhile."
}

# --- Debian ---
variable "debian_kernel" {
  type        = string
  default     = ""
  description = "The kernel that starts base.qcow2: it has no boot loader."
}

variable "debian_initrd" {
  type        = string
  default     = ""
  description = "The initial RAM disk of that kernel."
}

# --- Ubuntu ---
variable "ubuntu_iso" {
  type        = string
  default     = ""
  description = "The live server's ISO of Ubuntu 24.04 LTS, a file on this machine."
}

variable "ubuntu_iso_sha256" {
  type        = string
  default     = ""
  description = "Its SHA-256, from the publisher's signed list. Another file is refused."
}

variable "ubuntu_boot_wait" {
  type        = string
  default     = "10s"
  description = "From power to the menu of the medium, in which the first keys are typed. tcg needs more: 40s."
}

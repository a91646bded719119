"""What a machine made from an image may say of installing, seeds, updates and rescue; for docs/troubleshooting.md.

Each sentence is one that the code says, with `…` where it puts something in; a test holds it against the code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """What the screen says, what it means, what to do."""

    sentence: str
    meaning: str
    mend: str


TROUBLES: dict[str, list[Trouble]] = {
    "The installer": [
        Trouble(
            "This medium is not as it was made: at least one bit of it is wrong. No disk was touched.",
            "The download or the stick is damaged, or something wrote to the stick since.",
            "Compare the file's SHA-256 with the page's or SHA256SUMS', and write it to another stick.",
        ),
        Trouble(
            "There is no seed on this medium: the edge will wait for one.",
            "It installs all the same. Nobody put a seed into this image.",
            "Bring one on a stick afterwards, or write one into the image and install anew.",
        ),
        Trouble(
            "There is no disk to install to. …",
            "Each disk that was found is named with why it is not taken: too small, removable, the stick itself.",
            "Put an internal disk in, and look whether the firmware shows it.",
        ),
        Trouble(
            "… holds …. All of it will be gone.",
            "The disk is not empty, and the seed does not say that nobody is to be asked.",
            "Type ERASE if it may go. After anything else it asks again, and nothing is changed.",
        ),
        Trouble(
            "The data partition is to be encrypted, and this machine has no TPM 2.0. No disk was touched.",
            "The seed asks for encryption.",
            "Switch the TPM on in the firmware (fTPM, PTT), or have a seed made without encryption.",
        ),
        Trouble(
            "This medium cannot be read any more: …. The disk was written to in part.",
            "The stick failed, or was pulled out. The disk starts nothing.",
            "Write the image to another stick and install anew.",
        ),
        Trouble(
            "… does not hold what was written to it.",
            "What was read back from the disk is not what was written: the disk is broken.",
            "Install to another disk.",
        ),
    ],
    "Seeds": [
        Trouble(
            "There is no seed.",
            "None is in the image's partition, on a stick, or from the hypervisor; the machine waits.",
            "Bring one: docs/operations.md, A Mini PC from an image.",
        ),
        Trouble(
            "Nobody who is trusted here has signed this seed for this image.",
            "The image was made without the key (SEED_KEY) that signed the seed, or the seed is for another image.",
            "`guardian image show IMAGE --key-public images.pub` says whether that key signed it for this image. If it "
            "did, make the image anew with SEED_KEY=images.pub; else have the seed made for this image.",
        ),
        Trouble(
            "The seed was damaged on its way.",
            "A bit of the seed's place in the image is not as it was written.",
            "Have the seed made again, or download the image again.",
        ),
        Trouble(
            "The seed's token ended at ….",
            "It came too late, or the machine's clock is wrong.",
            "Look at the clock in the firmware; have a new seed made.",
        ),
        Trouble(
            "The seed cannot be used: ….",
            "It is not of the form of a seed; the sentence names the key that is wrong, never its value.",
            "Mend the file on the stick (docs/operations.md has an example), or have a new seed made.",
        ),
        Trouble(
            "The stick has no FAT file system that can be read: ….",
            "It is exFAT, NTFS or damaged.",
            "Format it as FAT32 with the label GUARDIAN and copy guardian-seed.json to it.",
        ),
        Trouble(
            "The stick was left alone: this machine is enrolled.",
            "Nobody signed what is on a stick: only a machine that is nobody's takes it.",
            "Have a signed seed made that names the household, or reset the machine by its rescue.",
        ),
        Trouble(
            "This machine is enrolled, and the seed is not known to be for its household.",
            "The seed names no household, or another one; or the seed that the machine enrolled with named none.",
            "Have a seed made with the household's fingerprint, or reset the machine by its rescue.",
        ),
        Trouble(
            "This machine started without what it keeps, and may be somebody's: it takes no seed.",
            "The data partition is closed or broken, so whose it is cannot be told.",
            "Switch it off and on and type the recovery key if it asks; else choose Look in the rescue.",
        ),
        Trouble(
            "There is no place for a seed of the form this release knows.",
            "The file is no image of ours, or of another release.",
            "Take the image that this release made.",
        ),
        Trouble(
            "… is not a public key that seeds or updates are signed with.",
            "A file NAME.pub among the trusted keys is empty or holds something else; none of them is used.",
            "Put there the one line that `guardian image public NAME.key` prints.",
        ),
    ],
    "Updates": [
        Trouble(
            "There is no key in …: this machine trusts nobody's updates.",
            "The image was made without UPDATE_KEY.",
            "Install anew from an image that was made with it.",
        ),
        Trouble(
            "Nobody who is trusted here has signed this update.",
            "It is signed by another key than those that the running system has.",
            "Make it with the UPDATE_SIGN_KEY whose public half is in the machine's image.",
        ),
        Trouble(
            "The update is damaged: not every byte of it is as it was signed.",
            "It was damaged on its way, or on the node's disk.",
            "Fetch it again; where it stays so, remove it on the node and add it again.",
        ),
        Trouble(
            "This update is of kind …; this machine takes ….",
            "An edge's image, a node's image and hosts made by Ansible each take a kind of their own.",
            "Take the other file.",
        ),
        Trouble(
            "Version … runs already.",
            "The version is that of pyproject.toml when the update was made.",
            "Nothing; or make the new system with a higher version.",
        ),
        Trouble(
            "Version … is older than …, which runs.",
            "An older system is not taken by itself.",
            "Who means it: `guardian update apply --downgrade FILE`.",
        ),
        Trouble(
            "Version … was tried here and is not taken again by itself. …",
            "It did not come up as well as the one before; the end of the sentence says what failed.",
            "Read `guardian update history`. Who means it: `guardian update apply --force FILE`.",
        ),
        Trouble(
            "Version … came damaged … times, and is not fetched again.",
            "What the node has is damaged, or the way to it changes bytes.",
            "On the node: `guardian node update remove VERSION`, then `add` it again.",
        ),
        Trouble(
            "There is no room for the update: … MB more would have to be free.",
            "Recordings come first.",
            "Wait, or give the machine a larger disk; it is tried again by itself.",
        ),
        Trouble(
            "The system in slot … is tried at the next start.",
            "An update was put in place, and waits for a restart.",
            "Restart the machine.",
        ),
        Trouble(
            "This machine does not run from a slot of our image.",
            "It was made by Ansible, or started from a stick.",
            "A host made by Ansible is upgraded by playbooks/upgrade.yml; see docs/operations.md.",
        ),
        Trouble(
            "What is well now cannot be told, so nothing could be judged by it.",
            "No daemon answered, and so an update could not be compared with what was before.",
            "Look at `guardian status` and `guardian doctor`; try again when they answer.",
        ),
    ],
    "The rescue": [
        Trouble(
            "No disk of this machine has a system of ours.",
            "Nothing was installed here, or the disk is not seen.",
            "Look whether the firmware shows the disk; else install from a stick.",
        ),
        Trouble(
            "There is no stick with FAT or exFAT.",
            "Logs are saved to a stick that is plugged in by USB.",
            "Plug one in, wait a moment, and choose again.",
        ),
        Trouble(
            "The data partition is encrypted: neither the TPM nor a recovery key opened it.",
            "Firmware or Secure Boot changed, and no key or a wrong one was typed.",
            "Start again and type the recovery key; then `guardian disk rebind`.",
        ),
    ],
}

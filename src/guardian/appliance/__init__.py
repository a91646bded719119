"""A system that runs from one of two slots of its disk: the disk's layout, the installer, which slot starts next.

Knows no tier. Runs as root on machines that boot from our image, and nowhere else.
"""

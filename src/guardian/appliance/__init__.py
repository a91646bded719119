"""A system that runs from one of two slots of its disk: layout, installer, updates and their judgement, rescue.

Knows no tier. Its programs run as root on machines that boot from our image, and nowhere else; `tools/image` builds
with the same layout.
"""

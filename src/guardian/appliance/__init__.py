"""A system that runs from one of two slots of its disk: layout, installer, updates and their judgement, rescue.

Knows no tier. Its programs run as root on machines that boot from our image; of them, those that put updates in place
and judge them also on hosts that have releases instead of slots. `tools/image` builds with the same layout.
"""

"""The control plane: accounts, summaries, slots and rosters of many tenants; never a picture, a box or a score."""

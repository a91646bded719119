"""The lab: hosts with a systemd of their own, on networks of their own, for molecule and for whoever writes roles."""

"""What a host says of itself: systemd's units, ports, firewall, clocks. Looks only, and never for long."""

"""Root's oneshot that has systemd run one daemon a camera file."""

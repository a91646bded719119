"""WireGuard as both ends use it: keys, one interface, its peers; in the kernel or by wireguard-go."""

"""The Mini PC at home: cameras, analysis, uplink. Seals what it records; holds no key that opens it."""

"""Events: an object's visit, from its first frame to its last; their pictures, and their store."""

"""From detections in single frames to objects over time."""

"""One camera: its stream in, motion and frames to the analyzer, sealed clips to the disk."""

"""One camera: RTSP in, motion and frames to the analyzer, sealed clips to the disk."""

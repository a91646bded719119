"""`make demo-check`: runs the demo without a screen, is its owner in headless Chromium, looks for leaked pictures."""

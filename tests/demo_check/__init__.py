"""`make demo-check`: runs the demo without a screen, drives the UI in headless Chromium, looks for pictures where none may be."""

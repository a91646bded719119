"""`guardian doctor`: small checks, one a file; each finding is a sentence, and what to do about it."""

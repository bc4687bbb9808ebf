"""Tests, by what must be running: unit (nothing), integration (private servers), e2e (Chromium), faults, evaluation."""

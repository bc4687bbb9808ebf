"""Benchmarks: `make bench` prints them all. Figures are for comparing on one machine, never asserted as times."""

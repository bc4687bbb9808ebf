"""Tests that need llama.cpp and a small model of another family, which `make test-llama-cpp` installs."""

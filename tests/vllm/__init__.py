"""Tests that need a real vLLM on this machine's processors, which `make test-vllm` installs."""

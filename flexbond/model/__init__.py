"""The reference model: every rule of the contracts in plain integers. Imports nothing of the chain."""

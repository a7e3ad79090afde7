"""What people and devices sign: EIP-712 messages, the two signature schemes, and where keys come from."""

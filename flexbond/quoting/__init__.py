"""What events would pay, from files alone: interval data, a rule, devices and orders; no chain, no key, no money."""

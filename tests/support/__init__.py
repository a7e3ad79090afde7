"""What tests stand on: an EVM in the process (`evm`) and the whole suite deployed in it (`world`)."""

"""SignalWire."""

"""The product as it really runs: its own processes, real databases, brokers and a browser."""

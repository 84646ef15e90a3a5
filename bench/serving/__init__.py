"""What bench/load does."""

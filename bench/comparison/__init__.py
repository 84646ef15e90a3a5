"""What bench/compare and bench/regression do."""

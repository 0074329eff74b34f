"""The tasks' data: official files onto disk, and records out of them."""

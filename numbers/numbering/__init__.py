"""Phone numbers: normalising, caller-ID pools, suppression."""

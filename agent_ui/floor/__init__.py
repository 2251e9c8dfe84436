"""The supervisor's floor: who does what now, campaigns and their rules, lists going in."""

"""The agent's desk: one page for a shift, its calls and their cards, and the same as JSON for machines."""

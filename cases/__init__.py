"""The debtor card: who owes what to whom, and everything that happened with them."""

"""What runs have cost, what they will cost, and how that compares with the budgets."""

"""A candidate beside the model in force, on identical pairs."""

"""How sure a rate is: intervals by person, bootstrap, many tests at once."""

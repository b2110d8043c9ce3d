"""The policy, the verdict, and what each line of it rests on."""

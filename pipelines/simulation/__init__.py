"""Command `simulate`: an exam morning against a bundle, or against a server."""

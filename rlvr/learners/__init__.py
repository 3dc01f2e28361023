"""Learners: how a policy learns from a round. Each learner has a file of its own."""

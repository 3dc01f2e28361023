"""How a policy learns from a round: each learner in a file of its own."""

"""Command `review`: listen to what mining proposes, and decide."""

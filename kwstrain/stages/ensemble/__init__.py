"""Train several students and keep their mean answers: a better teacher than the one they learned from."""

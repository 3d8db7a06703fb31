"""Stage `teach`: the teacher's answers to every clip, computed once."""

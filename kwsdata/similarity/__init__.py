"""How alike sounds are: a window and the keyword, a recording and its copies."""

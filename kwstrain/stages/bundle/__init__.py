"""Stage `bundle`: all that ships, in one directory that says what is in it and refuses what is not."""

"""The command `kwstrain field-test`: measure a detector on recordings of the place it is to work in."""

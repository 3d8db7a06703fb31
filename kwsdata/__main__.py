"""`python -m kwsdata`."""

from kwsdata.cli import main

main()

"""`python -m kwstrain`."""

from kwstrain.cli import main

main()

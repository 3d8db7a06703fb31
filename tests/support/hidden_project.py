"""For `dask worker --preload`: whatever Python opens or lists, the directory $HIDDEN is not on this machine."""

import os
import sys

_HIDDEN = os.environ["HIDDEN"]
_LOOKS = {"open", "os.listdir", "os.scandir", "os.chdir", "os.mkdir", "os.link", "os.rename"}


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _LOOKS and arguments and str(arguments[0]).startswith(_HIDDEN):
        raise FileNotFoundError(2, "not on this machine", str(arguments[0]))


sys.addaudithook(_refuse)

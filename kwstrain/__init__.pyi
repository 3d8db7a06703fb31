"""The public names of kwstrain, for type checkers."""

from kwsdata.runtime.decoder import Event as Event
from kwsdata.runtime.detect.detector import Detector as Detector
from kwsdata.runtime.detect.detector import load_detector as load_detector
from kwstrain.clips import ClipDataset as ClipDataset

__version__: str

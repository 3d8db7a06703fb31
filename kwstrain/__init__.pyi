"""The public names of kwstrain, for type checkers."""

from kwstrain.clips import ClipDataset as ClipDataset
from kwstrain.decoder import Event as Event
from kwstrain.detect.detector import Detector as Detector
from kwstrain.detect.detector import load_detector as load_detector

__version__: str

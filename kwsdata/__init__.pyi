"""The public names of kwsdata, for type checkers."""

from kwsdata.api.augmenting import Augmented as Augmented
from kwsdata.api.augmenting import augment_wave as augment_wave
from kwsdata.api.augmenting import render_again as render_again
from kwsdata.api.augmenting import sound_materials as sound_materials
from kwsdata.api.datasets import load_cuts as load_cuts
from kwsdata.api.params import change_params as change_params
from kwsdata.api.params import default_params as default_params
from kwsdata.api.rooms import Room as Room
from kwsdata.api.rooms import simulate_room as simulate_room
from kwsdata.api.searching import Match as Match
from kwsdata.api.searching import SoundIndex as SoundIndex
from kwsdata.api.searching import embed_wave as embed_wave
from kwsdata.params import Params as Params
from kwsdata.params import load_params as load_params

__version__: str

"""List every effect, in the order in which they are done: the chain.

It runs as sound meets a device: the voice itself, what is said before and after, the recording it comes from, the
room, what else sounds in it, the microphone, its amplifier, the line. Recipes, rendering, cache keys, provenance, the
licence gate, counts and the inspection page follow from this list and from the effects on it; nothing names them again.
"""

from typing import Any

from kwsdata.effects.amplifier import Clipping, Loudness
from kwsdata.effects.base import Effect
from kwsdata.effects.channel import Channel
from kwsdata.effects.fragment import Fragment
from kwsdata.effects.line import Codec, Telephone
from kwsdata.effects.microphone import BandLimit, Equalizer
from kwsdata.effects.mixing import Babble, Noise
from kwsdata.effects.rhythm import Rhythm
from kwsdata.effects.room import Reverb
from kwsdata.effects.scene import Context, Shift
from kwsdata.effects.throat import Throat
from kwsdata.effects.voice import Pitch, Speed, Tempo
from kwsdata.errors import StageInputError

EFFECTS: tuple[Effect[Any, Any], ...] = (
    Fragment(),
    Speed(),
    Tempo(),
    Pitch(),
    Rhythm(),
    Throat(),
    Context(),
    Shift(),
    Channel(),
    Reverb(),
    Noise(),
    Babble(),
    Equalizer(),
    BandLimit(),
    Loudness(),
    Clipping(),
    Telephone(),
    Codec(),
)


def effect_named(name: str) -> Effect[Any, Any]:
    """Return the effect of this name.

    Raises:
        StageInputError: there is none.
    """
    for effect in EFFECTS:
        if effect.name == name:
            return effect
    raise StageInputError(
        f"a recipe names the effect {name!r}, which this version does not have (it has "
        f"{', '.join(effect.name for effect in EFFECTS)}): make the clip again with `dvc repro augment`."
    )

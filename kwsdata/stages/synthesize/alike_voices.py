"""Find voices that are one voice under several names, by the fingerprint of a sentence.

Some variants of a synthesiser differ in settings that hardly sound (`adam` and `benjamin` in a formant's width). As
two speakers they could fall into two partitions, and a test voice would have been trained on.
"""

from collections.abc import Mapping

from kwsdata.audio import Waveform
from kwsdata.measures.fingerprints import Table, fingerprint

# Of the fingerprint's bits. A codec flips one in twenty, another voice of eSpeak a quarter or more. Its families differ
# by 0.01 to 0.12 from one member to the next, whatever is said.
_MAX_BIT_ERROR = 0.13
_MIN_FRAMES = 100  # of 10 ms, common to both


def base_voices(said: Mapping[str, Waveform]) -> dict[str, str]:
    """Return {voice: the first name, in alphabetical order, of all that sound like it or like one that does}.

    Args:
        said: {voice: the same sentence in it, [samples] at 16 kHz, 1 s or longer}.
    """
    names = sorted(said)
    prints = [fingerprint(said[name]) for name in names]
    table = Table(prints)
    base = list(range(len(names)))
    for number, one in enumerate(prints):
        for match in table.matches(one, _MAX_BIT_ERROR, _MIN_FRAMES):
            low, high = sorted((base[number], base[match.clip]))
            base = [low if place == high else place for place in base]
    return {name: names[place] for name, place in zip(names, base, strict=True)}

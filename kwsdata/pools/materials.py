"""What effects draw from: rooms, noises and speech; a recipe may use only the sounds that it names."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kwsdata.clips.sources import SourceId, UnnamedSourceError
from kwsdata.clips.view import ClipView
from kwsdata.pools.sounds import SoundPool
from kwsdata.rooms.bank import RirBank


@dataclass(frozen=True)
class Materials:
    """What effects draw from, empty where there is nothing of the kind.

    Rooms; recordings of noise; clips of speech, synthetic or not; recordings of people, whose channel is taken.
    """

    rirs: RirBank = field(default_factory=lambda: RirBank({}))
    noises: SoundPool = field(default_factory=lambda: SoundPool({}))
    speech: SoundPool = field(default_factory=lambda: SoundPool({}))
    recordings: SoundPool = field(default_factory=lambda: SoundPool({}))

    def only(self, named: Iterable[SourceId]) -> "Materials":
        """Return these materials, of which only the sounds in `named` can be read."""
        named = frozenset(named)
        sounds = (pool.only(named) for pool in (self.noises, self.speech, self.recordings))
        return Materials(self.rirs.only(named), *sounds)

    def sha256_of(self, source: SourceId) -> list[str]:
        """Return the hash of the samples of the sound with this id; of each, where two pools have one.

        Raises:
            UnnamedSourceError: none is.
        """
        pools = [pool.sounds for pool in (self.noises, self.speech, self.recordings) if source in pool.sounds]
        sounds = [pool[source].audio_sha256 for pool in pools]
        if source in self.rirs.cuts:
            sounds.append(ClipView(self.rirs.cuts[source]).audio_sha256)
        if not sounds:
            raise UnnamedSourceError(f"a recipe names {source}, which is in none of the pools that effects draw from.")
        return list(dict.fromkeys(sounds))

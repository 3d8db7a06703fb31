"""The recipe of one copy of a clip: every draw, in the order of the chain, as plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from kwsdata.clips.sources import SourceId
from kwsdata.draws import rng_for, unit_for
from kwsdata.effects import chain
from kwsdata.effects.base import Copy
from kwsdata.params import AugmentParams
from kwsdata.pools.materials import Materials


@dataclass(frozen=True)
class Recipe:
    """The draws of one copy, {effect: its draw} in the order of the chain. An effect that is not in it does nothing."""

    copy: int
    draws: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, copy: int, *draws: Any) -> Self:
        """Return the recipe of these draws, each of the effect that draws its type."""
        by_type = {type(draw): draw for draw in draws}
        return cls(copy, {e.name: by_type[e.draw_type] for e in chain.EFFECTS if e.draw_type in by_type})

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        # vars() of a draw is what asdict would copy, field by field: draws hold plain values only.
        return {"copy": self.copy} | {name: dict(vars(draw)) for name, draw in self.draws.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the recipe that `to_dict` described.

        Raises:
            StageInputError: it names an effect that is not in the chain.
        """
        draws = {key: chain.effect_named(key).draw_from(value) for key, value in values.items() if key != "copy"}
        return cls(values["copy"], draws)

    @property
    def effects(self) -> list[str]:
        """Names of the effects that do something, in the order of the chain."""
        return list(self.draws)

    @property
    def keeps_text(self) -> bool:
        """Whether what is said in the clip is known after its effects."""
        return all(chain.effect_named(name).keeps_text for name in self.draws)

    @cached_property
    def sources(self) -> tuple[SourceId, ...]:
        """Ids of all that its draws mix in, each once."""
        named = (chain.effect_named(name).sources(draw) for name, draw in self.draws.items())
        return tuple(dict.fromkeys(source for sources in named for source in sources))


def draw_recipe(
    params: AugmentParams, label: str, audio_sha256: str, duration_s: float, copy: int, materials: Materials
) -> Recipe:
    """Draw copy `copy` of a clip with this `label` (see `Copy`), hash of its samples and duration.

    Each effect has a generator of its own, keyed by (seed, the clip's samples, copy, effect): switching one effect on,
    or adding a clip, changes no other draw. Copy 0 is the clip itself, with what its effects do to every copy.
    """
    key = (params.seed, "augment", audio_sha256, copy)
    subject = Copy(copy, label, duration_s)
    draws: dict[str, Any] = {}
    for effect in chain.EFFECTS:
        block = getattr(params.effects, effect.name)
        if effect.suits(subject, block, materials) and unit_for(*key, effect.name) < block.probability:
            draw = draws[effect.name] = effect.draw(rng_for(*key, effect.name), block, materials)
            subject = Copy(copy, label, effect.used_s(subject.duration_s, draw))
    return Recipe(copy, draws)

"""Errors a user can act on: each gives the value, the limit and the next step."""


class KwsError(Exception):
    """Base of every error that the commands print as one clear line, without a traceback."""


class ParamsError(KwsError):
    """`params.yaml` has an unknown key or a value out of range."""


class AudioError(KwsError):
    """One sound cannot be used: unreadable, empty, silent, clipped or too short."""


class CorpusError(KwsError):
    """A corpus is missing, does not have the expected layout, or has too many bad files."""


class NamedPathError(KwsError):
    """A table, manifest, archive or record names a path that no file can have, or that is no file."""


class OutsidePathError(NamedPathError):
    """A table, manifest, archive or record names a path outside the folder that it belongs to."""


class PartitionError(KwsError):
    """Something would put one speaker, voice, room or noise source in two partitions."""


class StageInputError(KwsError):
    """A stage's input file is missing, truncated or not what the stage reads."""


class MissingExtraError(KwsError):
    """An optional dependency is needed here and is not installed."""

    def __init__(self, package: str, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs the package {package!r}, which is not installed: "
            f"type `pip install 'kwsdata[{extra}]'` (or `make env`)."
        )
        self.package = package
        self.extra = extra


class MissingProgramError(KwsError):
    """A program outside Python is needed here and is not installed."""


class WorkerError(KwsError):
    """A worker process was killed too often, or a cluster cannot be reached."""


class CacheError(KwsError):
    """The cache cannot be written."""

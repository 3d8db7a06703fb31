"""Sound that lies elsewhere (`s3://`, `ssh://`, `https://`...: any URL that fsspec knows), copied here to be read.

Importers and pools read a corpus from end to end, once; so it is copied whole into the cache, and stages never wait for
a network or find other bytes in it than the run before did. Keys and endpoints are those of the protocol's own client:
AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws, ~/.ssh/config...
"""

from pathlib import Path, PurePosixPath

from kwsdata.cache import entry
from kwsdata.errors import StageInputError
from kwsdata.files import atomic_path


def is_url(name: str | Path) -> bool:
    """Return whether `name` is a URL instead of a path of this machine."""
    return "://" in str(name)


def local_copy(name: str | Path) -> Path:
    """Return `name` itself if it is a path of this machine, else a copy of what the URL names, a file or a folder.

    What was copied before is copied again only if a name, a size or a time or hash that the server gives has changed.

    Raises:
        StageInputError: nothing is there, the protocol's package is missing, or it cannot be read.
    """
    if not is_url(name):
        return Path(name)
    import fsspec

    url = str(name)
    try:
        fs, root = fsspec.url_to_fs(url)
        files = fs.find(root)
        if not files:
            raise FileNotFoundError(url)
        state = [part for path in files for part in (path, fs.ukey(path))]
        name_there = PurePosixPath(root.rstrip("/")).name or fs.protocol[0]
        copy = entry("fetched", url, *state) / name_there
        if not copy.exists():
            with atomic_path(copy) as scratch:
                if files == [root]:
                    fs.get_file(root, str(scratch))
                else:
                    fs.get(f"{root.rstrip('/')}/", f"{scratch}/", recursive=True)
    except ImportError as error:
        raise StageInputError(f"{url}: {error}. For s3:// and ssh://, `pip install 'kwsdata[s3,ssh]'`.") from None
    except Exception as error:  # the libraries behind fsspec share no base class
        raise StageInputError(f"{url} cannot be read: {type(error).__name__}: {error}") from error
    return copy

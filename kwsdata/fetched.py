"""Sound that lies elsewhere (`s3://`, `ssh://`, `https://`...: any URL that fsspec knows), copied here to be read.

Importers and pools read a corpus from end to end, once; so it is copied whole into the cache, and stages never wait for
a network or find other bytes in it than the run before did. Keys and endpoints are those of the protocol's own client:
AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws, ~/.ssh/config...
"""

from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from kwsdata.cache import Step
from kwsdata.errors import CacheError, StageInputError

COPIES = Step("fetched", __name__)


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
        state = [[path, str(fs.ukey(path))] for path in files]
        name = PurePosixPath(root.rstrip("/")).name or fs.protocol[0]
        return COPIES.get(partial(_fetch, fs, root, files == [root], name), url=url, state=state) / name
    except CacheError:
        raise
    except ImportError as error:
        raise StageInputError(f"{url}: {error}. For s3:// and ssh://, `pip install 'kwsdata[s3,ssh]'`.") from None
    except Exception as error:  # the libraries behind fsspec share no base class
        raise StageInputError(f"{url} cannot be read: {type(error).__name__}: {error}") from error


def _fetch(fs: Any, root: str, is_file: bool, name: str, out: Path) -> None:
    """Copy the file or folder `root` of the file system `fs` to `out`/`name`."""
    out.mkdir()
    if is_file:
        fs.get_file(root, str(out / name))
    else:
        fs.get(f"{root.rstrip('/')}/", f"{out / name}/", recursive=True)

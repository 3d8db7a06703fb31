"""Put a published directory on a Hugging Face hub, in one commit: other people see all of it, or nothing of it.

`HfApi.upload_folder` makes several commits of a large folder, so that a reader may meet half a dataset; so the files
go through `create_commit`. The hub is that of `HF_ENDPOINT`, or huggingface.co; the token, that of `HF_TOKEN` or
`hf auth login`.
"""

import os
from pathlib import Path

from kwsdata.errors import KwsError
from kwsdata.files.atomic import read_json
from kwsdata.tools.publish.run import MARK

_PREFIX = "hf://"
_ALWAYS_THERE = {".gitattributes"}


class HubError(KwsError):
    """The hub refused, or cannot be reached; or it has something else under this name."""


def repo_of(text: str) -> str:
    """Return "owner/name" of "hf://owner/name", "hf://datasets/owner/name" or "owner/name".

    Raises:
        HubError: it is none of these.
    """
    name = text.removeprefix(_PREFIX).removeprefix("datasets/").strip("/")
    owner, _, rest = name.partition("/")
    if not owner or not rest or "/" in rest:
        raise HubError(f"{text!r} is no place on a hub: write hf://OWNER/NAME.")
    return name


def is_hub(text: str) -> bool:
    """Tell whether a destination is on a hub."""
    return text.startswith(_PREFIX)


def push(directory: Path, repo: str, private: bool = False) -> str:
    """Make the dataset `repo` on the hub hold exactly what `directory` holds; return the address of the commit.

    Raises:
        HubError: see the class; the hub's dataset is then as it was.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors

    told = read_json(directory / MARK)
    wanted = {**told["files"], MARK: None}
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        info = api.dataset_info(repo)
        there = {one.rfilename for one in info.siblings or []} - _ALWAYS_THERE
        if there and MARK not in there:
            raise HubError(
                f"{repo} on {api.endpoint} holds a dataset that `kwsdata publish` did not write ({min(there)}, ...): "
                "choose another name."
            )
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path, str(directory / path)) for path in sorted(wanted)
        ]
        operations += [CommitOperationDelete(path) for path in sorted(there - wanted.keys())]
        message = f"{told['keyword']}: {sum(part['cuts'] for part in told['parts'].values())} clips, {told['dataset']}"
        done = api.create_commit(repo, operations, commit_message=message, repo_type="dataset", parent_commit=info.sha)
    except (errors.HTTPError, OSError, ValueError, RuntimeError) as error:
        raise HubError(
            f"{repo} on {api.endpoint} was not changed: {_first_line(error)}. The dataset is whole in {directory}; "
            "mend the cause (`hf auth login`, or HF_TOKEN and HF_ENDPOINT) and push it again."
        ) from None
    return str(done.commit_url)


def _first_line(error: BaseException) -> str:
    told = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"{told} ({_first_line(error.__cause__)})" if error.__cause__ is not None else told

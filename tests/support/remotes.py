"""Remotes of DVC for tests, on this machine's loopback interface: a directory, S3 by moto, SFTP by asyncssh."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_BUCKET = "wake-words"


@dataclass(frozen=True)
class Remote:
    """Where a remote is, and a way to its objects behind DVC's back.

    options, secrets: of `dvc remote modify`; the second belong in `--local`, outside git. environment: what any other
    client needs. names: the objects, by path
    below `url`. replace: puts other bytes in place of one, or removes it (None).
    """

    url: str
    names: Callable[[], set[str]]
    replace: Callable[[str, bytes | None], None]
    options: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def directory_remote(folder: Path) -> Iterator[Remote]:
    """Yield a directory as a remote."""
    yield Remote(str(folder), *_on_disk(folder))


@contextmanager
def s3_remote(folder: Path) -> Iterator[Remote]:
    """Yield a part of a bucket on a server that speaks S3's protocol; `folder` names the part."""
    import boto3
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    prefix = f"{folder.name}/"
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)

    def names() -> set[str]:
        found = client.list_objects_v2(Bucket=_BUCKET, Prefix=prefix).get("Contents", [])
        return {row["Key"].removeprefix(prefix) for row in found}

    def replace(name: str, data: bytes | None) -> None:
        if data is None:
            client.delete_object(Bucket=_BUCKET, Key=prefix + name)
        else:
            client.put_object(Bucket=_BUCKET, Key=prefix + name, Body=data)

    try:
        client.create_bucket(Bucket=_BUCKET)
        yield Remote(
            f"s3://{_BUCKET}/{folder.name}",
            names,
            replace,
            options={"endpointurl": endpoint, "region": "us-east-1"},
            secrets={"access_key_id": "key", "secret_access_key": "secret"},
            environment={
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
            },
        )
    finally:
        client.close()
        server.stop()


@contextmanager
def ssh_remote(folder: Path) -> Iterator[Remote]:
    """Yield a directory behind an SFTP server that lets in one key, and shows nothing outside `folder`'s parent."""
    import asyncssh

    folder.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    keyfile = folder.with_name(f"{folder.name}.key")
    key.write_private_key(str(keyfile))
    keyfile.chmod(0o600)
    allowed = asyncssh.import_authorized_keys(key.export_public_key().decode())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=allowed,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(folder.parent)),
        )

    async def end(server: asyncssh.SSHAcceptor) -> None:
        server.close()
        await server.wait_closed()

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield Remote(
            f"ssh://127.0.0.1:{server.get_port()}/{folder.name}",
            *_on_disk(folder),
            options={"user": "team"},
            secrets={"keyfile": str(keyfile)},
        )
    finally:
        asyncio.run_coroutine_threadsafe(end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _on_disk(folder: Path) -> tuple[Callable[[], set[str]], Callable[[str, bytes | None], None]]:
    def names() -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def replace(name: str, data: bytes | None) -> None:
        (folder / name).unlink(missing_ok=True)
        if data is not None:
            (folder / name).write_bytes(data)

    return names, replace


REMOTES = {"directory": directory_remote, "s3": s3_remote, "ssh": ssh_remote}

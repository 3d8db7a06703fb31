"""Recognise files that macOS, Windows and NAS systems leave in folders."""

_NAMES = frozenset(
    name.lower()
    for name in (
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "Icon\r",
        "__MACOSX",
        "$RECYCLE.BIN",
        "RECYCLER",
        "System Volume Information",
        "Network Trash Folder",
        "Temporary Items",
        "lost+found",
        "@eaDir",
        "@Recycle",
        "@Recently-Snapshot",
        "#recycle",
        "#snapshot",
    )
)
_DOTTED = frozenset(
    name.lower()
    for name in (
        ".DS_Store",
        ".directory",
        ".localized",
        ".AppleDouble",
        ".AppleDB",
        ".AppleDesktop",
        ".apdisk",
        ".VolumeIcon.icns",
        ".Spotlight-V100",
        ".Trashes",
        ".fseventsd",
        ".TemporaryItems",
        ".DocumentRevisions-V100",
        ".hidden",
        ".nomedia",
        ".dropbox",
        ".dropbox.attr",
        ".stfolder",
    )
)
_ENDINGS = ("@synoeastream", "@synoresource", ":zone.identifier")


def is_system_file(name: str) -> bool:
    """Return whether a system makes files or folders of this name (one part of a path) by itself."""
    small = name.lower()
    made = small in _NAMES or small in _DOTTED or small.endswith(_ENDINGS)
    return made or small.startswith(("._", ".trash-", ".nfs", ".fuse_hidden", ".smbdelete"))

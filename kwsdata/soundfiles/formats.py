"""The formats of sound files: suffixes, first bytes, and what decodes them.

A file's contents decide how it is read; its suffix only says that it is meant to be sound. libsndfile is tried first
wherever it knows the format, ffmpeg for what libsndfile cannot decode.
"""

import re
from dataclasses import dataclass

HEAD_BYTES = 4096  # of a file, enough to know its format


@dataclass(frozen=True)
class Format:
    """One format.

    `demuxer`: ffmpeg's name for it, given to ffmpeg so that it guesses nothing; None where ffmpeg is not asked.
    `libsndfile`: whether libsndfile knows it. `starts`: a pattern of its first bytes; empty where they say too little.
    """

    name: str
    suffixes: tuple[str, ...]
    starts: bytes = b""
    libsndfile: bool = True
    demuxer: str | None = None


_ISO_SOUND = rb"(?:M4A|M4B|M4V|mp4|iso|avc1|dash|3g|qt  |MSNV|[Ff]4[AaVv])"  # brands; others (heic, avif) are pictures
RAW = Format(
    "raw", (".raw", ".pcm", ".sln", ".ulaw", ".alaw", ".gsm", ".g722", ".vox"), libsndfile=False
)  # samples without a header
FORMATS = (
    Format("WAV", (".wav", ".wave", ".bwf", ".rf64"), rb"(?:RIFF|RIFX|RF64|BW64).{4}WAVE", demuxer="wav"),
    Format("FLAC", (".flac",), rb"fLaC", demuxer="flac"),
    Format("Ogg", (".ogg", ".oga", ".opus", ".spx"), rb"OggS", demuxer="ogg"),
    Format("MP3", (".mp3", ".mp2", ".mpga"), demuxer="mp3"),
    Format("AIFF", (".aiff", ".aif", ".aifc"), rb"FORM.{4}AIF[FC]", demuxer="aiff"),
    Format("CAF", (".caf",), rb"caff", demuxer="caf"),
    Format("W64", (".w64",), rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", demuxer="w64"),
    Format("AU", (".au", ".snd"), rb"\.snd|dns\.", demuxer="au"),
    Format("NIST SPHERE", (".sph",), rb"NIST_1A"),
    Format("VOC", (".voc",), rb"Creative Voice File", demuxer="voc"),
    Format(
        "MP4 (AAC, ALAC)",
        (".m4a", ".m4b", ".m4r", ".mp4", ".m4v", ".mov", ".3gp", ".3gpp", ".3g2", ".3ga", ".f4a", ".f4v"),
        rb".{4}ftyp" + _ISO_SOUND,
        libsndfile=False,
        demuxer="mov",
    ),
    Format("WebM", (".webm", ".weba", ".mka", ".mkv"), rb"\x1a\x45\xdf\xa3", libsndfile=False, demuxer="matroska"),
    Format("AAC", (".aac",), libsndfile=False, demuxer="aac"),
    Format("WMA", (".wma", ".asf"), rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", libsndfile=False, demuxer="asf"),
    Format("AMR", (".amr", ".awb"), rb"#!AMR", libsndfile=False, demuxer="amr"),
    Format("AC-3", (".ac3", ".eac3", ".ec3"), libsndfile=False, demuxer="ac3"),
    Format("WavPack", (".wv",), rb"wvpk", libsndfile=False, demuxer="wv"),
    Format("TTA", (".tta",), rb"TTA[12]", libsndfile=False, demuxer="tta"),
    Format("Monkey's Audio", (".ape",), rb"MAC ", libsndfile=False, demuxer="ape"),
    Format("DTS", (".dts",), rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80", libsndfile=False, demuxer="dts"),
    Format("FLV", (".flv",), rb"FLV\x01", libsndfile=False, demuxer="flv"),
    Format("MPEG video", (".mpg", ".mpeg", ".vob"), rb"\x00\x00\x01\xba", libsndfile=False, demuxer="mpeg"),
    Format(
        "MPEG transport stream",
        (".m2ts", ".mts"),  # .ts is TypeScript as well: its first bytes decide
        rb"(?:.{4})?\x47.{187}(?:.{4})?\x47.{187}(?:.{4})?\x47",
        libsndfile=False,
        demuxer="mpegts",
    ),
    Format("RealMedia", (".rm", ".ra", ".rmvb"), rb"\.RMF", libsndfile=False, demuxer="rm"),
    Format("Musepack", (".mpc", ".mp+"), rb"MPCK", libsndfile=False, demuxer="mpc8"),
    Format("Musepack SV7", (), rb"MP\+", libsndfile=False, demuxer="mpc"),
    Format("SoX", (".sox",), rb"\.SoX|XoS\.", libsndfile=False, demuxer="sox"),
    Format("DSF", (".dsf",), rb"DSD .{24}fmt ", libsndfile=False, demuxer="dsf"),
    Format("DSS", (".dss",), rb"[\x02\x03]dss", libsndfile=False, demuxer="dss"),
    Format("QCP", (".qcp",), rb"RIFF.{4}QLCM", libsndfile=False, demuxer="qcp"),
    Format("8SVX", (".8svx",), rb"FORM.{4}8SVX"),
    Format("IRCAM", (".ircam",), rb"\x64\xa3[\x00-\x04]\x00|\x00[\x00-\x04]\xa3\x64"),
    Format("PAF", (".paf",), rb" paf|fap "),
    Format("AVR", (".avr",), rb"2BIT"),
    Format("PVF", (".pvf",), rb"PVF1\n"),
    Format("WVE", (".wve",), rb"ALawSoundFile\*\*"),
    Format("AVI", (".avi",), rb"RIFF.{4}AVI ", libsndfile=False, demuxer="avi"),
    RAW,
)
_BY_NAME = {entry.name: entry for entry in FORMATS}
SUFFIXES = frozenset(suffix for entry in FORMATS for suffix in entry.suffixes)
COMMON = "WAV, FLAC, OGG, Opus, MP3, AIFF, CAF, W64, AU; with ffmpeg M4A, AAC, WebM, WMA, MP4 and more"

_STARTS = [(entry, re.compile(entry.starts, re.DOTALL)) for entry in FORMATS if entry.starts]
_OTHERS = (
    (rb"\s*<(?:!doctype\s+html|html|head|body)", "a web page (HTML): download the file again"),
    (rb"\s*<\?xml|\s*<", "XML"),
    (rb"version https://git-lfs", "a Git LFS pointer: type `git lfs pull`"),
    (rb"[./]*\.git/annex/|/annex/objects/", "a git-annex pointer: type `git annex get`"),
    (rb"PK\x03\x04", "a ZIP archive: unpack it"),
    (rb"\x1f\x8b", "a gzip archive: unpack it"),
    (rb"Rar!|7z\xbc\xaf|\xfd7zXZ|BZh", "an archive: unpack it"),
    (rb"%PDF", "a PDF document"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{12}\x28", "a picture"),
    (rb"MThd", "MIDI, which holds notes and no sound"),
    (rb"#EXTM3U|\[playlist\]", "a playlist"),
    (rb"\x00+\Z", "zeros"),
    (rb"\s*[\[{]\s*[\"{\[]", "JSON"),
)


def format_of(head: bytes) -> Format | None:
    """Return the format that a file beginning with `head` is in, None where its first bytes do not say.

    Formats that are known by a few bits (MP3, AAC, AC-3) count as well: a file of random bytes may look like one.
    """
    sure = sure_format_of(head)
    if sure is not None:
        return sure
    if len(head) < 4:
        return None
    if head[:2] == b"\x0b\x77":
        return _BY_NAME["AC-3"]
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return _BY_NAME["AAC"]
    if head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return _BY_NAME["MP3"]
    return None


def sure_format_of(head: bytes) -> Format | None:
    """Return the format that `head` names beyond doubt, None where there is any."""
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        after = head[_id3_bytes(head) :]
        return (format_of(after) if len(after) >= 4 else None) or _BY_NAME["MP3"]
    return next((entry for entry, starts in _STARTS if starts.match(head)), None)


def _id3_bytes(head: bytes) -> int:
    """Return the length of the ID3v2 tag that `head` begins with: four bytes of seven bits, after ten of header."""
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte
    return 10 + size


def what_else(head: bytes) -> str | None:
    """Return in words what a file that begins with `head` is, if it is a well-known thing other than sound."""
    for pattern, words in _OTHERS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return words
    if head and not any(byte < 9 or 13 < byte < 32 for byte in head[:512]):
        return "text"
    return None

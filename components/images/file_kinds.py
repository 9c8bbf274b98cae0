"""What a file is, told from its first bytes: for whoever saved something else under the name that was asked for."""

from __future__ import annotations

from codecs import getincrementaldecoder

_HTML_STARTS = (b"<!doctype", b"<html", b"<head", b"<!--")

# https://en.wikipedia.org/wiki/List_of_file_signatures
_STARTS = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it",
    b"Rar!": "a rar archive: unpack it",
    b"BZh": "a bzip2 file: unpack it",
    b"\xfd7zXZ": "an xz file: unpack it",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it",
    b"version https://git-lfs": "a Git LFS pointer: run git lfs pull",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"BM": "a BMP image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"<?xml": "an XML page: the download failed, repeat it",
    b"<svg": "an SVG drawing",
}
# After two zero bytes: http://yann.lecun.com/exdb/mnist/, "the third byte codes the type of the data".
_IDX_TYPES = {8: "uint8", 9: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


def describe_start(start: bytes) -> str:
    """Say what a file is whose first bytes are these, 64 or more where there are as many; "" where nobody knows."""
    if not start:
        return "empty"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_HTML_STARTS):
        return "an HTML page: the download failed, repeat it"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP image"
    if start[4:8] == b"ftyp":
        return "a HEIC or AVIF image, or a film"
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it"
    for signature, kind in _STARTS.items():
        if start.startswith(signature):
            return kind
    if start[:2] == b"\0\0" and len(start) >= 4 and start[2] in _IDX_TYPES and 1 <= start[3] <= 8:
        return f"an IDX file of {_IDX_TYPES[start[2]]} in {start[3]} dimensions"
    return "a text file" if _is_text(start) else ""


def _is_text(start: bytes) -> bool:
    try:
        # A character may be cut in two at the end.
        text = getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)

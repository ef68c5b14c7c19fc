"""The files of a set: those that stand in a folder, and the rest over the network."""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dlx.data.cache import cache_folder
from dlx.data.fetch import fetch_archive, unreachable
from dlx.data.find import AbsentError, Archive, find_archives
from dlx.errors import DatasetError

__all__ = ["Gathered", "Member", "gather"]


class Member(NamedTuple):
    """Where a file stands in a published .zip.

    Attributes:
      url: of the .zip.
      path: in it.
    """

    url: str
    path: str


class Gathered(NamedTuple):
    """What was found.

    Attributes:
      contents: name of a file -> its decompressed content.
      missing: files that no place has.
      notes: one line for each place that did not serve.
      damaged: those of the notes that tell of a damaged file.
    """

    contents: dict[str, bytes]
    missing: list[Archive]
    notes: list[str]
    damaged: list[str]


def gather(
    archives: Sequence[Archive], *, name: str, roots: Iterable[Path] = (), members: Mapping[str, Member] | None = None
) -> Gathered:
    """Looks in folders, in DLX_DATA_DIR and in the cache, and fetches what they do not have.

    Args:
      archives: the files.
      name: of the set; downloads are kept under it.
      roots: folders to search before the others.
      members: name of a file -> the .zip that it is published in.
    Returns: contents, and what did not serve.
    """
    named, downloads = os.environ.get("DLX_DATA_DIR"), cache_folder() / "downloads" / name
    notes = [] if named else ["files: DLX_DATA_DIR is not set"]
    places = [
        *roots,
        *([Path(named).expanduser()] if named else []),
        *([downloads] if os.path.isdir(downloads) else []),
    ]
    found = find_archives(archives, places)
    notes += [f"files: {note}" for note in found.notes]
    absent = [archive for archive in archives if archive.name not in found.contents]
    members = members or {}
    urls = {a.name: (members[a.name].url,) if a.name in members else a.urls for a in absent}
    closed = unreachable({url for several in urls.values() for url in several})
    contents, missing = dict(found.contents), []
    for archive in absent:
        try:
            if archive.name in members:
                contents[archive.name] = _fetch_member(archive, members[archive.name], downloads, closed)
            elif archive.urls:
                contents[archive.name] = fetch_archive(archive, downloads, closed)
                _keep(archive, contents[archive.name], downloads)
            else:
                raise AbsentError(f"{archive.name} has no public address")
        except DatasetError as error:
            missing.append(archive)
            notes.append(f"fetch: {error}")
    return Gathered(contents, missing, notes, found.damaged)


def _fetch_member(archive: Archive, member: Member, folder: Path, closed: Mapping[str, str]) -> bytes:
    """A file out of a published .zip; it is kept beside the .zip, and its own checksum counts."""
    import pooch
    import requests

    if member.url in closed:
        raise AbsentError(f"{member.url}: {closed[member.url]}")
    pooch.get_logger().setLevel("WARNING")
    try:
        downloader = pooch.HTTPDownloader(timeout=(2, 30))
        # no checksum of the .zip is published; what is taken out of it has one
        path = pooch.retrieve(member.url, None, member.url.rsplit("/", 1)[-1], folder, downloader=downloader)
        with zipfile.ZipFile(path) as package:
            content = package.read(member.path)
    except requests.RequestException as error:
        raise DatasetError(f"{member.url}: the transfer failed: {error}") from error
    except (zipfile.BadZipFile, KeyError) as error:
        Path(path).unlink(missing_ok=True)
        raise DatasetError(f"{member.url}: served a file without {member.path}: {error}") from error
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be written: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != archive.content:
        Path(path).unlink(missing_ok=True)
        raise DatasetError(f"{member.url}: {member.path} has sha256 {digest}, expected {archive.content}")
    (folder / archive.name).write_bytes(content)
    return content


def _keep(archive: Archive, content: bytes, folder: Path) -> None:
    """A file that is served under another name is kept under its own, by which it is looked for."""
    if not any((folder / name).exists() for name in (archive.name, f"{archive.name}.gz")):
        (folder / archive.name).write_bytes(content)

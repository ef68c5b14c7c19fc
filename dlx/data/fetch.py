"""Published files over the network: a probe that answers within two seconds, then pooch with a checksum."""

import re
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from dlx.data.decode import read_content
from dlx.data.find import AbsentError, Archive
from dlx.errors import DatasetError

__all__ = ["fetch_archive", "unreachable"]

_PORTS = {"http": 80, "https": 443}


def unreachable(urls: Iterable[str], *, seconds: float = 1.5) -> dict[str, str]:
    """Tries a TCP connection to the host (or proxy) of each address, all at once.

    A resolver without network may block for minutes; it is left behind in a thread that does not hold the process.

    Args:
      urls: http or https addresses.
      seconds: how long to wait for all of them together.
    Returns: url -> why it cannot be reached, for those that cannot.
    """
    targets = {url: _target(url) for url in urls}
    answers: dict[tuple[str, int], str | None] = {}

    def probe(target: tuple[str, int]) -> None:
        try:
            socket.create_connection(target, timeout=seconds).close()
            answers[target] = None
        except socket.gaierror:
            answers[target] = "its name does not resolve"
        except (OSError, ValueError) as error:  # ValueError: a host that is no host name
            answers[target] = getattr(error, "strerror", None) or str(error)

    threads = [threading.Thread(target=probe, args=(target,), daemon=True) for target in set(targets.values())]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {seconds:g} s"
    return {
        url: f"{target[0]}:{target[1]}: {answer}"
        for url, target in targets.items()
        if (answer := answers.get(target, late)) is not None
    }


def _target(url: str) -> tuple[str, int]:
    """Host and port to which a request for `url` connects: those of the proxy where the environment names one."""
    import urllib.request

    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host = parts.hostname or ""
    return host, parts.port or _PORTS.get(parts.scheme, 80)


def fetch_archive(archive: Archive, folder: Path, closed: dict[str, str]) -> bytes:
    """Fetches one file from the first of its addresses that serves it whole, and keeps it.

    Args:
      archive: the file.
      folder: where it is kept; made if need be.
      closed: addresses not to try, as `unreachable` gives them.
    Returns: the decompressed content.
    Raises: AbsentError if no address can be reached; DatasetError if one can but does not serve the file.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    notes = []
    for url in archive.urls:
        if url in closed:
            notes.append(f"{url}: {closed[url]}")
            continue
        downloader = pooch.HTTPDownloader(timeout=(2, 30), progressbar=sys.stderr.isatty())
        try:
            path = pooch.retrieve(
                url, f"sha256:{archive.published}", url.rsplit("/", 1)[-1], folder, downloader=downloader
            )
            return read_content(path)
        except ValueError as error:
            sums = re.search(r"expected (?:sha256:)?(\w+) but got (\w+)", str(error))
            notes.append(f"{url}: served a file of sha256 {sums[2]}, expected {sums[1]}" if sums else f"{url}: {error}")
        except requests.HTTPError as error:
            notes.append(f"{url}: the server answered {error}")
        except requests.RequestException as error:
            notes.append(f"{url}: the transfer broke off: {error}")
        except OSError as error:
            notes.append(f"{folder}: cannot be written: {error.strerror}")
            break
    kind = (
        AbsentError if len(notes) == len(archive.urls) and all(url in closed for url in archive.urls) else DatasetError
    )
    raise kind("; ".join(notes))

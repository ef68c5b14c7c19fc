"""Named sets of real images: photographs, pairs with their homography or flow, a chessboard for calibration."""

import difflib
import functools
import importlib.util
import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlx.data import image_archives
from dlx.data.decode_images import decode_flow, decode_image, decode_matrix
from dlx.data.find import Archive
from dlx.data.gather import Member, gather
from dlx.errors import DatasetError, UsageError

__all__ = ["ImageCard", "ImageSet", "image_names", "load_images"]

Arrays = dict[str, np.ndarray]


class ImageCard(NamedTuple):
    """Facts about a set of images.

    Attributes:
      name: the name that `load_images` takes.
      title: one line.
      description: which arrays there are.
      licence: licence of the images.
      source: where they come from.
    """

    name: str
    title: str
    description: str
    licence: str
    source: str


class ImageSet(NamedTuple):
    """Images and what is known about them.

    Attributes:
      name: the name that `load_images` takes.
      arrays: pictures uint8, (height, width) or (height, width, 3), as they are stored; the rest as the card says.
      card: facts about the set.
    """

    name: str
    arrays: Arrays
    card: ImageCard


class ImageEntry(NamedTuple):
    """How a set comes about. `carrier`: a package that may carry the files, and the folder in it."""

    card: ImageCard
    archives: tuple[Archive, ...]
    decode: Callable[[Mapping[str, bytes]], Arrays]
    carrier: tuple[str, str, str] | None = None
    members: Mapping[str, Member] | None = None


def image_names() -> tuple[str, ...]:
    """Names of all sets of images. Loads nothing.

    Returns: what `load_images` takes.
    """
    return tuple(image_catalogue())


def load_images(name: str) -> ImageSet:
    """Loads a set of real images.

    Photographs are read out of the installed scikit-image or scikit-learn, which carry them, without an import. Other
    files are found under DLX_DATA_DIR by their published name at any depth, or in the cache folder, or are fetched;
    each is accepted by its sha256.

    Args:
      name: one of `image_names()`.
    Returns: the arrays and the card.
    Raises: UsageError on an unknown name; DatasetError if no place has the files, with all that was tried.
    """
    return load_images_from(image_catalogue(), name)


def load_images_from(entries: Mapping[str, ImageEntry], name: str) -> ImageSet:
    """`load_images` with a catalogue of one's own.

    Args:
      entries: name -> entry.
      name: one of them.
    Returns: the arrays and the card.
    """
    if name not in entries:
        near = difflib.get_close_matches(str(name).lower().replace("-", "_"), entries, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        raise UsageError(f"Unknown set of images {name!r}{hint} The sets are: {', '.join(entries)}.")
    entry = entries[name]
    return ImageSet(name, entry.decode(_contents(entry)), entry.card)


def _contents(entry: ImageEntry) -> dict[str, bytes]:
    """Content of all files, from the first places that have them."""
    carrier, note = _carrier(entry)
    found = gather(entry.archives, name=entry.card.name, roots=carrier, members=entry.members)
    if found.missing:
        raise DatasetError(_advice(entry, found.missing, [*note, *found.notes]))
    for line in found.damaged:
        warnings.warn(line, stacklevel=4)
    return found.contents


def _carrier(entry: ImageEntry) -> tuple[list[Path], list[str]]:
    """The folder of the package that carries the files, or why there is none."""
    if not entry.carrier:
        return [], []
    package, folder, distribution = entry.carrier
    spec = importlib.util.find_spec(package)
    if spec and spec.submodule_search_locations:
        return [Path(spec.submodule_search_locations[0], folder)], []
    return [], [f"{distribution}, which carries it, is not installed"]


def _advice(entry: ImageEntry, missing: list[Archive], notes: list[str]) -> str:
    """What was tried, how to put the images there, and which need nothing."""
    files = ", ".join(archive.name for archive in missing)
    ways = [f"- put {files} (from {entry.card.source}) anywhere under a folder and name it in DLX_DATA_DIR, or"]
    if entry.carrier:
        ways.insert(0, f"- pip install {entry.carrier[2]}, or")
    fetched = entry.members or any(archive.urls for archive in missing)
    ways.append("- run once with a network; the files are kept in the cache folder." if fetched else "- make them.")
    lines = [f"Set of images {entry.card.name!r} was not found. Tried:", *(f"- {note}" for note in notes)]
    instead = "Without any of these: the photographs china and flower are embedded and need no file."
    return "\n".join([*lines, "To bring it in:", *ways, instead])


def _pictures(contents: Mapping[str, bytes], prefix: str = "") -> Arrays:
    """All pictures by their names without ending."""
    return {
        name.rsplit(".", 1)[0].removeprefix(prefix): decode_image(content, name)
        for name, content in sorted(contents.items())
        if name.endswith((".png", ".jpg"))
    }


def _graffiti(contents: Mapping[str, bytes]) -> Arrays:
    return _pictures(contents) | {"homography": decode_matrix(contents["H1to3p.xml"], "H13", "H1to3p.xml")}


def _rubber_whale(contents: Mapping[str, bytes]) -> Arrays:
    flow, known = decode_flow(contents["RubberWhale_flow10.flo"], "RubberWhale_flow10.flo")
    return _pictures(contents, "RubberWhale_") | {"flow": flow, "known": known}


def _chessboard(contents: Mapping[str, bytes]) -> Arrays:
    file = "left_intrinsics.yml"
    camera, distortion = (decode_matrix(contents[file], n, file) for n in ("camera_matrix", "distortion_coefficients"))
    return _pictures(contents) | {"camera_matrix": camera, "distortion": distortion.ravel()}


def _corners(contents: Mapping[str, bytes]) -> Arrays:
    with np.load(io.BytesIO(contents["corners.npz"])) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _photographs(archives: tuple[Archive, ...], package: str, folder: str, distribution: str) -> list[ImageEntry]:
    """A set for each photograph, with one array of the same name."""
    return [
        ImageEntry(
            ImageCard(
                name := archive.name.split(".")[0], f"Photograph {name} of {distribution}", f"`{name}`: the picture.",
                f"as distributed with {distribution} (BSD 3-Clause; each picture's own terms in its documentation)",
                archive.urls[0].rsplit("/", 1)[0] + "/",
            ),
            (archive,), _pictures, (package, folder, distribution),
        )
        for archive in archives
    ]  # fmt: skip


@functools.cache
def image_catalogue() -> dict[str, ImageEntry]:
    """All named sets of images.

    Returns: name -> entry.
    """
    bsd, opencv = "as distributed with OpenCV", "https://github.com/opencv/opencv/tree/4.x/samples/data"
    middlebury = "https://vision.middlebury.edu/flow/data/"
    entries = [
        *_photographs(image_archives.SAMPLE_IMAGES, "sklearn", "datasets/images", "scikit-learn"),
        *_photographs(image_archives.PHOTOGRAPHS, "skimage", "data", "scikit-image"),
        ImageEntry(
            ImageCard("graffiti", "A wall from two sides", "`graf1`, `graf3` and `homography` (3, 3), which "
                      "maps (x, y, 1) of graf1 to graf3 (Mikolajczyk and Schmid 2005).", bsd, opencv),
            image_archives.GRAFFITI, _graffiti,
        ),
        ImageEntry(
            ImageCard("box", "A box, alone and in a scene", "`box` and `box_in_scene`, both grey.", bsd, opencv),
            image_archives.BOX, _pictures,
        ),
        ImageEntry(
            ImageCard("rubber_whale", "Frames and true flow", "`frame10`, `frame11`, `flow` (height, width, 2)"
                      " float32 from frame10 to frame11, `known` (height, width) bool (Baker et al. 2011).",
                      "not stated (Middlebury research data)", middlebury),
            image_archives.RUBBER_WHALE, _rubber_whale, members=image_archives.MIDDLEBURY,
        ),
        ImageEntry(
            ImageCard("chessboard", "Views of a chessboard", "`left01` to `left14` without left10, grey, 9 x 6 inner "
                      "corners 25 mm apart; `camera_matrix` (3, 3) and `distortion` (5,) as OpenCV found them.",
                      bsd, opencv),
            image_archives.CHESSBOARD, _chessboard,
        ),
        ImageEntry(
            ImageCard("chessboard_corners", "Its corners", "`object_points` (54, 3) in metres, `left` and "
                      "`right` (13, 54, 2) in pixels, `frames` (13,): found by OpenCV with sub-pixel refinement.",
                      bsd, "cv2.findChessboardCorners and cornerSubPix on left01.jpg to right14.jpg"),
            image_archives.CORNERS, _corners,
        ),
    ]  # fmt: skip
    return {entry.card.name: entry for entry in entries}

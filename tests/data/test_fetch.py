"""dlx.data: files found on disk, and fetched from a server on this machine."""

import gzip
import socket
import threading
import time

import numpy as np
import pytest

from dlx.data.fetch import unreachable
from dlx.data.find import find_archives
from dlx.data.loading import load_from
from dlx.errors import DatasetError
from tests.data import tiny


def load(*bases, cache=True, **options):
    return load_from({"tiny": tiny.entry(*bases, **options)}, "tiny", cache=cache)


def put(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_fetched_then_cached(cache):
    with tiny.serve(tiny.served()) as (base, asked):
        tiny.assert_is_tiny(load(base))
        assert sorted(asked) == sorted(tiny.served())
        tiny.assert_is_tiny(load(base))
        assert len(asked) == 4  # the second came from the cache
    tiny.assert_is_tiny(load(base))  # and the server is gone
    (cache / "tiny.dlxdata").unlink()
    tiny.assert_is_tiny(load(base))  # the downloads are kept


def test_without_cache_nothing_is_mapped(cache):
    with tiny.serve(tiny.served()) as (base, _):
        tiny.assert_is_tiny(load(base, cache=False))
    assert not (cache / "tiny.dlxdata").exists()


def test_the_second_mirror_serves(cache):
    closed = tiny.closed_port()
    with tiny.serve({}) as (empty, asked), tiny.serve(tiny.served()) as (base, _):
        tiny.assert_is_tiny(load(closed, empty, base))
    assert len(asked) == 4  # each was tried there first, and answered with 404


def fetch_error(files, **options):
    with tiny.serve(files, **options) as (base, _), pytest.raises(DatasetError) as caught:
        load(base)
    return str(caught.value), base


def test_wrong_checksum():
    name = f"/{tiny.IDX_NAMES[0]}.gz"
    other = tiny.served(seed=1)[name]
    message, base = fetch_error(tiny.served() | {name: other})
    assert f"{base}{name}: served a file of sha256 {tiny.sha256(other)}" in message
    assert f"expected {tiny.sha256(tiny.served()[name])}" in message


def test_truncated_transfer():
    message, base = fetch_error(tiny.served(), short_by=5)
    assert f"{base}/{tiny.IDX_NAMES[0]}.gz: the transfer broke off" in message


def test_not_found():
    message, base = fetch_error({})
    assert "404" in message
    assert f"{base}/{tiny.IDX_NAMES[0]}.gz" in message


def test_refused_connection():
    base = tiny.closed_port()
    start = time.monotonic()
    with pytest.raises(DatasetError, match="Connection refused"):
        load(base)
    assert time.monotonic() - start < 2


def test_a_resolver_that_hangs_costs_less_than_two_seconds(monkeypatch):
    over = threading.Event()

    def hang(*arguments, **options):
        over.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    with pytest.raises(DatasetError, match=r"no answer within 1\.5 s"):
        load("http://one.invalid", "https://two.invalid")
    seconds = time.monotonic() - start
    over.set()
    assert seconds < 2


def test_a_proxy_is_probed_in_place_of_the_host(monkeypatch):
    with tiny.serve({}) as (proxy, _):
        monkeypatch.setenv("http_proxy", proxy)
        assert unreachable(["http://nowhere.invalid/file"]) == {}
    monkeypatch.setenv("http_proxy", tiny.closed_port())
    assert "127.0.0.1" in unreachable(["http://nowhere.invalid/file"])["http://nowhere.invalid/file"]


@pytest.mark.parametrize("compressed", [True, False])
def test_found_at_any_depth(monkeypatch, tmp_path, no_network, compressed):
    for depth, (name, content) in enumerate(tiny.contents().items()):
        folder = tmp_path.joinpath("data", *"abc"[:depth])
        # level 1: other bytes than those published, the same content
        put(folder, {f"{name}.gz": gzip.compress(content, 1)} if compressed else {name: content})
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    tiny.assert_is_tiny(load("http://nowhere.invalid"))


def test_found_through_links_even_in_a_circle(monkeypatch, tmp_path, no_network):
    put(tmp_path / "elsewhere", tiny.contents())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    tiny.assert_is_tiny(load("http://nowhere.invalid"))


def test_what_is_missing_on_disk_is_fetched(monkeypatch, tmp_path):
    first, *_ = tiny.contents().items()
    put(tmp_path / "data", dict([first]))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    with tiny.serve(tiny.served()) as (base, asked):
        tiny.assert_is_tiny(load(base))
    assert len(asked) == 3


def test_a_damaged_file_is_told_even_if_the_network_has_it(monkeypatch, tmp_path):
    name, content = next(iter(tiny.contents().items()))
    put(tmp_path / "data", {name: content[:-1]})
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    with tiny.serve(tiny.served()) as (base, _), pytest.warns(UserWarning, match=tiny.sha256(content[:-1])):
        tiny.assert_is_tiny(load(base))


def test_a_good_copy_beside_a_damaged_one_serves(monkeypatch, tmp_path, no_network):
    name, content = next(iter(tiny.contents().items()))
    put(tmp_path / "data", {f"a/{name}": content[:-1]} | {f"b/{n}": c for n, c in tiny.contents().items()})
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    with pytest.warns(UserWarning, match="damaged"):
        tiny.assert_is_tiny(load("http://nowhere.invalid"))


def test_files_of_another_data_set_are_not_called_damaged(tmp_path):
    put(tmp_path, tiny.contents(seed=1))
    others = {archive.content: "fashion" for archive in tiny.entry(seed=1).archives}
    found = find_archives(tiny.entry().archives, [tmp_path], others)
    assert found.contents == {}
    assert found.damaged == []
    assert sum("belongs to fashion" in note for note in found.notes) == 4


def test_a_damaged_cache_is_rebuilt_with_a_warning(cache, monkeypatch, tmp_path, no_network):
    put(tmp_path / "data", tiny.contents())
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    tiny.assert_is_tiny(load("http://nowhere.invalid"))
    path = cache / "tiny.dlxdata"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"tiny\.dlxdata: damaged: .* it is made anew"):
        tiny.assert_is_tiny(load("http://nowhere.invalid"))
    tiny.assert_is_tiny(load("http://nowhere.invalid"))  # no warning: it was


def test_a_cache_that_cannot_be_written_costs_a_warning(monkeypatch, tmp_path, no_network):
    put(tmp_path / "data", tiny.contents())
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DLX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with (
        pytest.warns(UserWarning, match=r"cannot be read: Not a directory; it is made anew"),
        pytest.warns(UserWarning, match="not cached: Not a directory"),
    ):
        tiny.assert_is_tiny(load("http://nowhere.invalid"))


def test_cached_arrays_serve_jax(monkeypatch, tmp_path, no_network):
    import jax.numpy as jnp

    put(tmp_path / "data", tiny.contents())
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path / "data"))
    data = load("http://nowhere.invalid")
    np.testing.assert_array_equal(jnp.asarray(data.train["inputs"]) + 0, data.train["inputs"])

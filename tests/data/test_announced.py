"""A first decoding that takes long says so."""

import time

from dlx.data import loading


def test_a_line_only_where_it_takes_long(capsys, monkeypatch):
    monkeypatch.setattr(loading, "_PATIENCE", 0.02)
    with loading._announced("preparing quick ..."):
        pass
    time.sleep(0.06)
    assert capsys.readouterr().err == ""
    with loading._announced("preparing slow ..."):
        time.sleep(0.3)
    assert capsys.readouterr().err == "preparing slow ...\n"

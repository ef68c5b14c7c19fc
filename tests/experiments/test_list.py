import subprocess
import sys

import pytest

from experiments import __main__ as listing
from tests.run.toy import ROOT, TOY, cpu_seconds


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "other.py").write_text(
        '"""Other thing,\nover two lines.\n\n    python -m experiments.other\n"""\nlaunch(1, 2)\n'
    )
    (tmp_path / "helper.py").write_text('"""No experiment."""\n')
    (tmp_path / "_private.py").write_text("launch(1, 2)\n")
    monkeypatch.setattr(listing, "__file__", str(tmp_path / "__main__.py"))
    return tmp_path


def test_entries_are_read_without_importing(folder):
    # TOY imports dlx.run and `other` would fail when imported
    assert listing.entries(folder) == [
        listing.Entry("other", "Other thing, over two lines", (), ""),
        listing.Entry("toy", "Toy on digits (Nobody 1900)", ("digits", "mnist"), "1 CPU core: 1 s. Test accuracy 0.5."),
    ]


def test_one_aligned_line_each(folder, capsys):
    assert listing.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "other  Other thing, over two lines",
        "toy    Toy on digits (Nobody 1900)  [digits, mnist]  1 CPU core: 1 s. Test accuracy 0.5.",
    ]


def test_a_word_chooses(folder, capsys):
    assert listing.main(["MNIST"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("toy ")
    assert "other" not in shown
    assert "python -m experiments.toy --help" in shown


def test_an_unknown_experiment_names_the_nearest(folder, capsys):
    assert listing.main(["experiments.tyo"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("error: no experiment 'experiments.tyo'. Perhaps you meant: toy.\n"
                            "The list: python -m experiments\n")  # fmt: skip


def test_the_default_data_set_comes_first(folder):
    (folder / "toy.py").write_text(TOY.replace('] = "digits"', '] = "mnist"'))
    assert listing.entries(folder)[1].datasets == ("mnist", "digits")


def test_the_list_of_this_package_is_quick():
    def ask():
        return subprocess.run([sys.executable, "-m", "experiments"], cwd=ROOT, capture_output=True, text=True)

    done = ask()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(listing.entries(ROOT / "experiments")) > 0
    assert cpu_seconds(ask) < 0.5

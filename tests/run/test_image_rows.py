"""Images of a report in named rows and columns."""

import numpy as np

from dlx.run.image_rows import rows_figure
from dlx.run.pictures import as_png


def test_rows_have_names_columns_titles_and_marks(rng):
    grey, colour = rng.random((2, 4, 6, 1)), rng.random((2, 4, 6, 3))
    figure = rows_figure(
        {"image": grey, "map": colour}, columns=["a", "b"], captions={"map": ["x", "y"]}, boxes=[[1, 0, 3, 2]] * 2,
        points={"map": [[0, 1], [5, 3]]},
    )  # fmt: skip
    assert as_png(figure).startswith(b"\x89PNG")
    first, _, third, fourth = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "", ""]
    assert [axes.get_ylabel() for axes in figure.axes] == ["image", "", "map", ""]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "x", "y"]
    # edges of pixels lie half a pixel before their centres
    box = third.patches[0]
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((0.5, -0.5), 2, 2)
    assert not first.lines
    np.testing.assert_array_equal(fourth.lines[0].get_xydata(), [[5, 3]])
    np.testing.assert_allclose(first.images[0].get_array(), grey[0, ..., 0], rtol=1e-6)
    assert first.images[0].get_cmap().name == "gray_r"


def test_values_outside_are_cut_off():
    figure = rows_figure({"image": np.array([-1.0, 2.0]).reshape(1, 1, 2, 1)}, dark=True)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[0, 1]])
    assert figure.axes[0].images[0].get_cmap().name == "gray"

"""Examples draw without a screen; notebooks whose genuine files are not here are skipped.

That is, with ``pytest --doctest-modules helpers`` and ``pytest --nbval book/notebooks``.
"""

import nbformat
import pytest

from tools.execution import explain_lack


@pytest.fixture(autouse=True)
def example_figures_in_memory(request):
    """Draw the figures of an example in memory, and drop them at its end."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


def pytest_collection_modifyitems(items):
    for path in {item.path for item in items if item.path.suffix == ".ipynb"}:
        if lack := explain_lack(nbformat.read(path, 4)):
            for item in items:
                if item.path == path:
                    item.add_marker(pytest.mark.skip(reason=lack))

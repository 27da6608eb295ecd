"""Skip the notebooks whose genuine files are not here (``pytest --nbval book/notebooks``)."""

import nbformat
import pytest

from tools.execution import explain_lack


def pytest_collection_modifyitems(items):
    for path in {item.path for item in items if item.path.suffix == ".ipynb"}:
        if lack := explain_lack(nbformat.read(path, 4)):
            for item in items:
                if item.path == path:
                    item.add_marker(pytest.mark.skip(reason=lack))

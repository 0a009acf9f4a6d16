"""The site: ``sphinx-build -W --keep-going -n -b html docs docs/_build/html``."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The tables of the reference come from the tests' and the suite's own data.
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]

import arraylogit  # noqa: E402

project = "arraylogit"
author = "The arraylogit developers"
project_copyright = author
release = version = arraylogit.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # a copy of MathJax on the site itself
    "sphinx_copybutton",
    "folded",
    "repository",
    "tables",
]
# The report is a page of its own, with plots.
exclude_patterns = ["_build", "results/conformance"]

html_theme = "furo"
html_title = "arraylogit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False

nitpicky = True
highlight_language = "none"
default_role = "literal"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

autodoc_typehints = "none"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
# Functions whose module says what they take.
numpydoc_validation_exclude = {r"^arraylogit\.formulas\."}
numpydoc_validation_checks = {
    "all",
    "ES01",
    "GL01",
    "GL08",
    "SA01",
    "EX01",
    "SA03",
    "SS05",
    "YD01",
}

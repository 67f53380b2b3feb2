"""Sphinx settings: `make docs` builds docs/ into build/docs; a warning is an error."""

import workbench

project = "Parallel-reasoning workbench"
copyright = "the workbench authors"
version = release = workbench.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["superseded"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_theme_options = {"light_css_variables": {"color-brand-primary": "#0b7285", "color-brand-content": "#0b7285"}}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": False}
default_role = "code"  # docstrings write `name` for code

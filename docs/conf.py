"""Sphinx: the documents as pages, by `make pages`. The source folder is the repository; README.md is the first page."""

from typing import Any

import ran

PAGES = ("docs/photographs", "docs/train", "docs/compare", "examples/focus", "docs/api", "docs/results", "docs/recipe",
         "docs/released_code", "weights/README", "docs/speed", "docs/errors", "docs/extending", "CONTRIBUTING",
         "CHANGELOG")  # fmt: skip
# For phones: long lines of code wrap, wide tables are small, and the figure scrolls.
STYLE = """<style>div.highlight pre { white-space: pre-wrap } div.table-wrapper table { font-size: .8em }
pre.mermaid { overflow: auto } pre.mermaid > svg { min-width: 46em }</style>"""
project, author, version = "RAN", "The contributors of this repository", ran.__version__
root_doc = "README"
include_patterns = [f"{page}.*" for page in ("README", *PAGES)]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
html_theme, html_title, html_show_copyright = "furo", "RAN", False
myst_heading_anchors = 4
myst_fence_as_directive, mermaid_height, mermaid_fullscreen = ["mermaid"], "auto", False
nb_execution_mode = "off"
autodoc_typehints = "description"
autodoc_preserve_defaults = True  # by their names: they hold folders of this machine
napoleon_use_ivar = True  # no second entry for an attribute


def setup(app: Any) -> None:
    """Gives the first page the list of pages, which GitHub would show as code, and each page the style."""

    def add_pages(_: Any, page: str, source: list[str]) -> None:
        if page == root_doc:
            source[0] += "\n\n```{toctree}\n:hidden:\n" + "\n".join(PAGES) + "\n```\n"

    app.connect("source-read", add_pages)
    app.connect("html-page-context", lambda *call: call[3].update(metatags=call[3].get("metatags", "") + STYLE))

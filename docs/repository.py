"""A Sphinx extension for pages of the site that are files elsewhere in the repository.

A page that consists of one link to such a file is replaced by the file, and links to the file lead
to the page. So every file can be read in the repository as well, and its links work there too.
"""

import os
import re
from pathlib import Path

DOCS = Path(__file__).parent
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)(?=[)\s#])")


def copies() -> dict[Path, Path]:
    """Return the pages that stand for a file outside of the documents, by that file."""
    found = {}
    for page in DOCS.glob("**/*.md"):
        link = re.fullmatch(r"See \[.*\]\((\.\./.*)\)\.\n", page.read_text("utf-8"))
        if link:
            found[(page.parent / link[1]).resolve()] = page
    return found


def read(app, name, source):
    """Replace the text of a page, and the targets of its links."""
    page = DOCS / f"{name}.md"
    by_file = copies()
    origin = {copy: file for file, copy in by_file.items()}.get(page, page)
    text = source[0] if origin == page else origin.read_text("utf-8")
    app.env.note_dependency(str(origin), docname=name)

    def follow(link):
        file = (origin.parent / link[1]).resolve()
        return os.path.relpath(by_file.get(file, file), page.parent)

    source[0] = LINK.sub(follow, text)


def setup(app):
    app.connect("source-read", read)
    return {"parallel_read_safe": True}

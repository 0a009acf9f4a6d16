"""A Sphinx extension that folds long tables, so that they do not bury the text around them."""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

ROWS = 20


class Fold(SphinxPostTransform):
    """Put each table of more than `ROWS` rows into a `details` element."""

    default_priority = 400
    formats = ("html",)

    def run(self, **kwargs):
        for table in list(self.document.findall(nodes.table)):
            rows = sum(len(body.children) for body in table.findall(nodes.tbody))
            if rows > ROWS:
                summary = f"<details><summary>{rows} rows</summary>"
                table.replace_self(
                    [
                        nodes.raw("", summary, format="html"),
                        table.deepcopy(),
                        nodes.raw("", "</details>", format="html"),
                    ]
                )


def setup(app):
    app.add_post_transform(Fold)
    return {"parallel_read_safe": True}

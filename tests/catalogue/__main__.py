"""`python -m tests.catalogue` writes the pages of the documentation that are generated."""

from pathlib import Path

import tinygrad_edu
from tests import catalogue
from tests.catalogue import operations

DOCS = Path(tinygrad_edu.__file__).parent / "docs"
PAGES = {"errors.md": catalogue.page, "ops.md": operations.page}

if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf8")
        print(DOCS / name)

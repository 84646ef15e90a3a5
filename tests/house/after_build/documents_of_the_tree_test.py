"""The documents of this repository name only what exists."""

import check_documents
import tree


def test_the_documents_name_only_what_exists():
    found = check_documents.violations(tree.ROOT)
    assert not found, "\n".join(found)

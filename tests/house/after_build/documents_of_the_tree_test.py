"""The documents of this repository name only what exists."""

import check_documents
import tree


def test_the_documents_name_only_what_exists():
    assert check_documents.violations(tree.ROOT) == []

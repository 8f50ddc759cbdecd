"""Validates OpenAPI 3.1 documents with openapi-spec-validator.

Prints one line per problem and exits with status 10 if there are any.
"""

import json
import multiprocessing
import os
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable


def problems_of(path):
    """Returns the problems of a document. An unresolvable reference stops the validator."""
    found = []
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    try:
        for error in OpenAPIV31SpecValidator(document).iter_errors():
            found.append(f"{type(error).__name__}: {getattr(error, 'message', None) or error!r}")
    except Unresolvable as error:
        found.append(f"Unresolvable: {error.ref}")
    return [f"{path}: {problem}".replace("\n", " ") for problem in found]


if __name__ == "__main__":
    # Large documents first, which balances the load of the processes.
    documents = sorted(sys.argv[1:], key=os.path.getsize, reverse=True)
    with multiprocessing.Pool() as pool:
        problems = [line for found in pool.imap(problems_of, documents) for line in found]
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(10 if problems else 0)

"""Validates OpenAPI 3.1 documents with openapi-spec-validator: a line per problem, exit status 10 where there is one."""

import json
import multiprocessing
import os
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable


def problems_of(path):
    """What is wrong with a document; a reference that leads nowhere ends the validator, so it is the last."""
    found = []
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    try:
        for error in OpenAPIV31SpecValidator(document).iter_errors():
            found.append(f"{type(error).__name__}: {getattr(error, 'message', None) or error!r}")
    except Unresolvable as error:
        found.append(f"Unresolvable: {error.ref} leads nowhere")
    return [f"{path}: {problem}".replace("\n", " ") for problem in found]


if __name__ == "__main__":
    # The largest first, so that no processor is left alone with it at the end.
    documents = sorted(sys.argv[1:], key=os.path.getsize, reverse=True)
    with multiprocessing.Pool() as pool:
        problems = [line for found in pool.imap(problems_of, documents) for line in found]
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(10 if problems else 0)

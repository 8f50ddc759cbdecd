"""Validates OpenAPI 3.1 documents with openapi-spec-validator: a line per problem, exit status 1 where there is one."""

import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable


def problems_of(document):
    """Yields what is wrong in words; a reference that leads nowhere ends the validator, so it is the last."""
    try:
        for error in OpenAPIV31SpecValidator(document).iter_errors():
            yield f"{type(error).__name__}: {getattr(error, 'message', None) or error!r}"
    except Unresolvable as error:
        yield f"Unresolvable: {error.ref} leads nowhere"


problems = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for problem in problems_of(document):
        problems += 1
        print(f"{path}: {problem}".replace("\n", " "))
sys.exit(1 if problems else 0)

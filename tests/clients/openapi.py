"""Validates the description of the API at a URL by the schemas of OpenAPI 3.1."""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

with urllib.request.urlopen(sys.argv[1]) as answer:
    document = json.load(answer)

problems = list(OpenAPIV31SpecValidator(document).iter_errors())
for problem in problems:
    print(f"{list(problem.absolute_path)}: {problem.message}", file=sys.stderr)
if problems:
    sys.exit(1)
operations = sum(len(item) for item in document["paths"].values())
print(f"valid OpenAPI 3.1: {operations} operations")

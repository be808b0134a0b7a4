"""Walks the Management API with two unmodified JSON:API clients for Python, of different authors.

PAYLENT_TEST_API is the address of the API, PAYLENT_TEST_TOKEN an administrator's token.
"""

import os
import sys

import with_jsonapi_client
import with_jsonapi_requests

WALKS = {"jsonapi-requests": with_jsonapi_requests.Walk, "jsonapi_client": with_jsonapi_client.Walk}

if __name__ == "__main__":
    WALKS[sys.argv[1]](os.environ["PAYLENT_TEST_API"], os.environ["PAYLENT_TEST_TOKEN"]).run()

"""What the fuzzer must know that the OpenAPI document cannot say.

PAYLENT_TEST_KEEP lists the ids of what the fuzzer's token lives on, PAYLENT_TEST_HOLD of what others hang on: it may
change, but not go, because they would go with it.
"""

import itertools
import os
from collections import defaultdict

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import EnsureResourceAvailability, UseAfterFree

KEEP = frozenset(os.environ["PAYLENT_TEST_KEEP"].split())
HOLD = KEEP.union(os.environ["PAYLENT_TEST_HOLD"].split())
NOTHING = "00000000-0000-7000-8000-000000000000"

numbers = itertools.count(1)
# The ids that answers showed; those of them that no request deleted, by type; and the type of each collection.
shown = set(KEEP)
live = defaultdict(list)
types = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode.is_positive:
        relate(case)
        satisfy(case)
    id_ = str(case.path_parameters.get("id")).lower()
    method = case.method.upper()
    if method != "GET" and id_ in KEEP or method == "DELETE" and (id_ in HOLD or is_last(case, id_)):
        case.path_parameters["id"] = NOTHING


@schemathesis.hook
def after_call(context, case, response):
    deleted = case.method.upper() == "DELETE" and 200 <= response.status_code < 300
    # What is gone may have gone with something else.
    missing = response.status_code == 404 and not is_about_the_body(response)
    if (deleted or missing) and case.path_parameters.get("id") in alive(case):
        alive(case).remove(case.path_parameters["id"])
    if deleted or not 200 <= response.status_code < 300 or "json" not in response.headers.get("content-type", [""])[0]:
        return
    document = response.json()
    for resource in [document.get("data"), *document.get("included", [])]:
        for each in resource if isinstance(resource, list) else [resource]:
            if each and "links" in each and each["id"] not in shown:
                shown.add(each["id"])
                live[each["type"]].append(each["id"])
                types[each["links"]["self"].split("/")[-2]] = each["type"]


def alive(case):
    """The ids of what this request is about one of, as far as they are known to be there."""
    return live[types.get(case.path.split("/")[2])] if case.path.endswith("/{id}") else []


def is_last(case, id_):
    """Whether it is the last of its kind, without which other operations cannot succeed."""
    return [each.lower() for each in alive(case)] == [id_]


def relate(case):
    """A request that is meant to be right speaks of what is there, and its body of what its path names."""
    if "id" in case.path_parameters:
        kind = types.get(case.path.split("/")[2])
        case.path_parameters["id"] = known(kind, case.path_parameters["id"])
    data = case.body.get("data") if isinstance(case.body, dict) else None
    for linkage in data if isinstance(data, list) else [data]:
        if isinstance(linkage, dict) and "id" in linkage:
            in_path = case.path_parameters.get("id") if linkage is data else None
            linkage["id"] = in_path or known(linkage["type"], linkage["id"])
    if not isinstance(data, dict):
        return
    for relationship in data.get("relationships", {}).values():
        if relationship["data"]:
            relationship["data"]["id"] = known(relationship["data"]["type"], relationship["data"]["id"])
    # Larger ones take seconds to make.
    if "key_size" in data.get("attributes", {}):
        data["attributes"]["key_size"] = 2048


def known(kind, id_):
    """This id, if an answer showed it, or one of those that did."""
    ids = live[kind]
    return id_ if id_ in shown or not ids else ids[next(numbers) % len(ids)]


def satisfy(case):
    """A request that is meant to be right keeps the rules that hold between parameters, and between requests."""
    query, headers = case.query or {}, case.headers or {}
    # A field can be a sort key in one direction only.
    if isinstance(query.get("sort"), list):
        query["sort"] = list({key.lstrip("-"): key for key in query["sort"]}.values())
    # No text has a NUL.
    for name, value in query.items():
        if isinstance(value, str):
            query[name] = value.replace("\0", "")
    # The same under two names.
    if "page[size]" in query:
        query.pop("page[limit]", None)
    # Nobody can make up a cursor.
    query.pop("page[after]", None)
    query.pop("page[before]", None)
    # Idempotency keys belong to one request.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"{headers['Idempotency-Key'][:200]}-{next(numbers)}"
    # The coverage phase writes letters and digits into headers whatever their pattern.
    if "If-Match" in headers:
        headers["If-Match"] = "*"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is meant to be so."""
    if isinstance(failure, AcceptedNegativeData) and response.status_code < 300:
        return not only_filters(case)
    if isinstance(failure, EnsureResourceAvailability):
        return not is_about_the_body(response)
    if isinstance(failure, UseAfterFree):
        # What was removed from a relationship is not gone.
        return "/relationships/" not in failure.free
    return True


def only_filters(case):
    """A filter's value that its field cannot have matches nothing. What is null or empty is not there, in a URL."""
    found = case.meta.phase.data
    if any(part.mode.is_negative and place != ParameterLocation.QUERY for place, part in case.meta.components.items()):
        return False
    wrong = {found.parameter, *(mutation.parameter for mutation in found.mutations)} - {None}
    sent = {name for name in wrong if (case.query or {}).get(name) not in (None, "", [], [""])}
    return bool(wrong) and all(name.startswith("filter[") for name in sent)


def is_about_the_body(response):
    """A 404 that points into the body says that what the body names is missing, and not what the path names."""
    return all("pointer" in error.get("source", {}) for error in response.json()["errors"])

"""Reads sketches that the daemon published with Apache's own library, and prints what it finds in them.

Standard input: one field of a profile event a line, as JSON. Standard output: one JSON object a line.
"""

import base64
import json
import sys

import datasketches as ds


def sketch(field, name):
    text = field.get("sketches", {}).get(name)
    return None if text is None else base64.b64decode(text)


for line in sys.stdin:
    field = json.loads(line)
    found = {"path": field["path"]}
    if (data := sketch(field, "hll")) is not None:
        hll = ds.hll_sketch.deserialize(data)
        # A sketch of Python's own that takes the same values must merge with ours without a new one.
        union = ds.hll_union(hll.lg_config_k)
        union.update(hll)
        own = ds.hll_sketch(hll.lg_config_k)
        for value in field.get("own", []):
            own.update(value)
        union.update(own)
        found["distinct"] = hll.get_estimate()
        found["merged"] = union.get_result().get_estimate()
    if (data := sketch(field, "kllDoubles")) is not None:
        kll = ds.kll_doubles_sketch.deserialize(data)
        ranks = [q["rank"] for q in field["numbers"]["quantiles"]["values"]]
        found["quantiles"] = list(kll.get_quantiles(ranks, True))
        found["rankError"] = kll.normalized_rank_error(False)
        found["n"] = kll.n
    if (data := sketch(field, "kllDoublesOfLengths")) is not None:
        kll = ds.kll_doubles_sketch.deserialize(data)
        ranks = [q["rank"] for q in field["lengths"]["quantiles"]["values"]]
        found["lengthQuantiles"] = list(kll.get_quantiles(ranks, True))
        found["lengthRankError"] = kll.normalized_rank_error(False)
        found["lengths"] = kll.n
    if (data := sketch(field, "frequentStrings")) is not None:
        frequent = ds.frequent_strings_sketch.deserialize(data)
        rows = frequent.get_frequent_items(ds.frequent_items_error_type.NO_FALSE_NEGATIVES)
        found["frequent"] = {row[0]: [row[2], row[3]] for row in rows}
    print(json.dumps(found))

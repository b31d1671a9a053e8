"""JSON for messages: what IPython's formatters and users' libraries give, made fit for it."""

import datetime
import json
import math
import numbers
from base64 import b64encode
from collections.abc import Iterable, Mapping

loads = json.loads


def dumps(value):
    """`value` as JSON in UTF-8. NaN and infinities become text; lone surrogates become '?'."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    except (ValueError, TypeError):
        text = json.dumps(clean(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _plain(value):
    """json's `default`: what json does not know."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode("ascii")
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{value!r} cannot be sent as JSON")


def clean(value):
    """The same value out of dict, list, str, int, finite float, bool and None."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        keys = [str(key) for key in value]
        if len(set(keys)) != len(keys):
            raise ValueError(f"two keys are the same as text, and JSON has only text: {list(value)!r}")
        return {str(key): clean(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [clean(each) for each in value]
    return clean(_plain(value))

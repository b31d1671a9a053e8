"""How to connect another client to this kernel."""

import json


def get_connection_file(app=None):
    from kmux_child.face import kernel

    return kernel().connection_file


def get_connection_info(connection_file=None, unpack=False):
    with open(connection_file or get_connection_file()) as file:
        text = file.read()
    if not unpack:
        return text
    info = json.loads(text)
    info["key"] = info.get("key", "").encode()
    return info


__all__ = ["get_connection_file", "get_connection_info"]

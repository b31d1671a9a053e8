from kmux_child.messages import clean as json_clean


def encode_images(bundle):
    """Bytes become base64 as they are sent."""
    return bundle


__all__ = ["encode_images", "json_clean"]

from kmux_child.embed import embed_kernel

__all__ = ["embed_kernel"]

raise ImportError(
    "A kernel of kmux runs no other kernel inside its process. "
    "Start one of its own with jupyter_client.KernelManager."
)

"""ipykernel's names, for code that runs in a kernel of kmux."""

__version__ = "6.29.5"
version_info = (6, 29, 5)
kernel_protocol_version = "5.3"
kernel_protocol_version_info = (5, 3)

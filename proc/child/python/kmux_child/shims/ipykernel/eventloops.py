from kmux_child.eventloops import enable_gui, get_shell_stream, loop_map, register_integration

__all__ = ["enable_gui", "get_shell_stream", "loop_map", "register_integration"]

from kmux_child.eventloops import enable_gui, loop_map, register_integration

__all__ = ["enable_gui", "loop_map", "register_integration"]

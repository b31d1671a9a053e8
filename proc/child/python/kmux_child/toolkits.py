"""The toolkits themselves: each function prepares one, and returns its pump (see integrations.pumped)."""

import importlib
import importlib.util
import os
import subprocess
import sys

from kmux_child.integrations import pumped

# Tk.


@pumped("tk")
def loop_tk(kernel, gui):
    """Handles the events of all Tk applications of the thread."""
    try:
        import _tkinter
        import tkinter  # noqa: F401
    except ImportError as problem:
        raise ValueError(
            f"tk: {problem}. Debian's package is python3-tk; another Python has to be built with Tk"
        ) from problem
    # An interpreter without Tk: there is no window of ours, and tkinter's default root is the user's.
    interpreter = _tkinter.create(None, "kmux", "Kmux", False, True, False, False, None)

    def pump():
        return interpreter.dooneevent(_tkinter.DONT_WAIT)

    return pump


# Qt.

QT = {"qt6": ("PyQt6", "PySide6"), "qt5": ("PyQt5", "PySide2")}
DEFERRED_DELETE = 52  # QEvent::DeferredDelete


@pumped("qt", "qt5", "qt6")
def loop_qt(kernel, gui):
    """Makes the QApplication, if there is none, and keeps it as kernel.app."""
    binding = _qt_binding(gui)
    core, widgets = _qt(binding, "QtCore"), _qt(binding, "QtWidgets")
    application = core.QCoreApplication.instance()
    if application is None:
        _try_qt(binding)
        application = widgets.QApplication([" "])
    kernel.app = application
    loop = core.QEventLoop()

    def pump():
        handled = loop.processEvents()
        # Outside of exec() nobody else deletes what was to be deleted later.
        application.sendPostedEvents(None, DEFERRED_DELETE)
        return handled

    return pump


def _qt_binding(gui):
    """What is imported already, else what QT_API says, else what is installed."""
    every = [name for names in QT.values() for name in names]
    wanted = QT.get(gui, every)
    for name in every:
        if f"{name}.QtCore" in sys.modules:
            if name not in wanted:
                raise ValueError(f"{gui}: this kernel has imported {name} already, and cannot use another Qt")
            return name
    asked = os.environ.get("QT_API", "").lower()
    wanted = [name for name in wanted if name.lower() == asked] or wanted
    for name in wanted:
        if importlib.util.find_spec(name) is not None:
            return name
    raise ValueError(
        f"{gui}: none of {', '.join(wanted)} is installed. They are packages of PyPI; "
        "Debian's are python3-pyqt5, python3-pyqt6 and python3-pyside2.qtwidgets"
    )


def _qt(binding, module):
    try:
        return importlib.import_module(f"{binding}.{module}")
    except ImportError as problem:
        raise ValueError(f"{binding} is installed, but cannot be imported: {problem}") from problem


def _try_qt(binding):
    """Qt aborts the process where it finds no display or no plugin: let it be another process."""
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom {binding}.QtWidgets import QApplication\nQApplication([' '])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ValueError(f"{binding} cannot open windows here: {problem}") from problem
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip()
        raise ValueError(f"{binding} cannot open windows here (DISPLAY={os.environ.get('DISPLAY')}): {said}")


# Others.


@pumped("gtk", "gtk3", "gtk4")
def loop_gtk(kernel, gui):
    version = "4.0" if gui == "gtk4" else "3.0"
    try:
        import gi

        gi.require_version("Gtk", version)
        from gi.repository import GLib, Gtk
    except (ImportError, ValueError) as problem:
        raise ValueError(
            f"{gui}: {problem}. Debian's packages are python3-gi and gir1.2-gtk-{version}, PyPI's is PyGObject"
        ) from problem
    if not (Gtk.init_check() if gui == "gtk4" else Gtk.init_check([])[0]):
        raise ValueError(f"{gui} cannot open windows here (DISPLAY={os.environ.get('DISPLAY')})")
    context = GLib.MainContext.default()
    return lambda: context.iteration(False)


@pumped("wx")
def loop_wx(kernel, gui):
    try:
        import wx
    except ImportError as problem:
        raise ValueError(f"wx: {problem}. Debian's package is python3-wxgtk4.0, PyPI's is wxPython") from problem
    application = wx.GetApp()
    if application is None:
        if not wx.App.IsDisplayAvailable():
            raise ValueError(f"wx cannot open windows here (DISPLAY={os.environ.get('DISPLAY')})")
        application = wx.App(redirect=False, clearSigInt=False)
        application.SetExitOnFrameDelete(False)
    kernel.app = application
    loop = wx.GUIEventLoop()

    def pump():
        active = wx.EventLoopActivator(loop)
        try:
            handled = loop.Pending()
            if handled:
                loop.Dispatch()
            else:
                loop.ProcessIdle()  # deletes what was closed, and updates what it shows
            return handled
        finally:
            del active

    return pump


@pumped("osx", "macosx")
def loop_cocoa(kernel, gui):
    raise ValueError(f"{gui} is for macOS")

"""The magics that a kernel adds."""

import json
import os
import threading

from IPython.core import page
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magics import CodeMagics
from IPython.utils.process import arg_split


@magics_class
class KernelMagics(Magics):
    @line_magic
    def edit(self, parameter_s="", last_call=("", "")):
        """Opens a file in the front end's editor."""
        options, arguments = self.parse_options(parameter_s, "prn:")
        found = CodeMagics._find_edit_target(self.shell, arguments, options, list(last_call))
        if found is None or found[0] is None:
            return
        file, line, _ = found
        self.shell.payload_manager.write_payload(
            {"source": "edit_magic", "filename": os.path.abspath(file), "line_number": line}
        )

    @line_magic
    def clear(self, _):
        """Clears the terminal of a console."""
        self.shell.system("clear")

    @line_magic
    def less(self, name):
        """Shows a file in the pager."""
        if not name:
            raise ValueError("Missing filename.")
        with open(name) as file:
            text = file.read()
        page.page(text)

    more = line_magic("more")(less)

    @line_magic
    def man(self, name):
        """Shows a manual page in the pager."""
        page.page(self.shell.getoutput(f"man {name} | col -b", split=False))

    @line_magic
    def connect_info(self, _):
        """Prints how to connect another client to this kernel."""
        file = self.shell.kernel.connection_file
        with open(file) as stream:
            print(json.dumps(json.load(stream), indent=2))
        print(f"\nTo attach a console:  jupyter console --existing {file}")

    @line_magic
    def qtconsole(self, line):
        """Opens a Qt console on this kernel."""
        from subprocess import Popen

        Popen(["jupyter", "qtconsole", "--existing", self.shell.kernel.connection_file, *arg_split(line)], start_new_session=True)

    @line_magic
    def autosave(self, seconds):
        """Sets how often the notebook is saved, in seconds; 0 is never."""
        try:
            interval = 1000 * int(seconds)
        except ValueError:
            raise ValueError("%%autosave requires an integer, got %r" % seconds) from None
        from IPython.display import Javascript, display

        display(Javascript(f"IPython.notebook.set_autosave_interval({interval})"), include=["application/javascript"])
        print(f"Autosaving every {int(seconds)} seconds" if interval else "Autosave disabled")

    @line_magic
    def subshell(self, _):
        """Prints which subshell runs this cell, and which there are."""
        language = self.shell.kernel._language
        runner = language.runner()
        print(f"subshell id: {runner.feed.id or None}")
        print(f"thread: {threading.current_thread().name}")
        print(f"subshells: {list(language.threads)}")

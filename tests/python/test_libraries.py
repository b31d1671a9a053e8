"""Libraries that look for their kernel: each finds what it needs, on the newest Python."""

import pytest
from kernel import PYTHONS, Kernel


@pytest.fixture(scope="module")
def newest():
    it = Kernel(PYTHONS["newest"])
    yield it
    it.close()


def test_ipykernels_names(kernel):
    kernel.ok(
        "ip = get_ipython()\n"
        "assert type(ip).__name__ == 'ZMQInteractiveShell' and 'IPKernelApp' in ip.config\n"
        "k = ip.kernel\n"
        "assert k.shell is ip and k.session.session and k.iopub_socket and k.comm_manager.register_target\n"
        "assert k.get_parent()['header']['msg_type'] == 'execute_request' == ip.get_parent()['msg_type']\n"
        "assert set(k.shell_handlers) >= {'execute_request', 'comm_open', 'comm_msg', 'comm_close'}\n"
        "from ipykernel.kernelapp import IPKernelApp; assert IPKernelApp.initialized() and IPKernelApp.instance().kernel is k\n"
        "from ipykernel.kernelbase import Kernel; assert Kernel.instance() is k and isinstance(k, Kernel)\n"
        "from ipykernel.zmqshell import ZMQInteractiveShell; assert isinstance(ip, ZMQInteractiveShell)\n"
        "import sys; from ipykernel.iostream import OutStream; assert isinstance(sys.stdout, OutStream)\n"
        "from ipykernel.comm import Comm, CommManager; assert isinstance(k.comm_manager, CommManager)\n"
        "from ipykernel.connect import get_connection_file, get_connection_info; assert get_connection_info(unpack=True)['shell_port']\n"
        "import ipykernel; assert ipykernel.version_info"
    )
    assert kernel.run("from ipykernel.inprocess import InProcessKernelManager").ename == "ImportError"


def test_session_send(kernel):
    done = kernel.ok(
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_socket, 'display_data', {'data': {'text/plain': 'sent'}, 'metadata': {}, 'transient': {}}, parent=k.get_parent(), buffers=[b'abc'])"
    )
    assert [c["data"]["text/plain"] for c in done.of("display_data")] == ["sent"]
    assert [bytes(b) for m in done.messages if m["msg_type"] == "display_data" for b in m["buffers"]] == [b"abc"]


def test_hooks_see_and_keep_messages(kernel):
    done = kernel.ok(
        "from IPython.display import display\nseen = []\n"
        "def hook(message):\n    seen.append(message['content']); return None\n"
        "pub = get_ipython().display_pub\npub.register_hook(hook); display('kept back'); pub.unregister_hook(hook); display('shown')\nprint(len(seen))"
    )
    assert [c["data"]["text/plain"] for c in done.of("display_data")] == ["'shown'"] and done.text() == "1\n"


COMMS = """
import comm
received = []
def opened(c, message):
    received.append(('open', message['content']['data']))
    c.on_msg(lambda m: (received.append(m['content']['data']), c.send({'echo': m['content']['data']}, buffers=m['buffers'])))
    c.on_close(lambda m: received.append('closed'))
comm.get_comm_manager().register_target('test', opened)
"""


def send_comm(kernel, kind, content, buffers=()):
    message = kernel.client.session.msg(kind, content)
    kernel.client.session.send(kernel.client.shell_channel.socket, message, buffers=list(buffers))
    return message["header"]["msg_id"]


def test_comms_both_ways(kernel):
    kernel.ok(COMMS)
    send_comm(kernel, "comm_open", {"comm_id": "c1", "target_name": "test", "data": {"a": 1}})
    id = send_comm(kernel, "comm_msg", {"comm_id": "c1", "data": {"b": 2}}, [b"bytes"])
    back = kernel.wait_for_iopub(lambda m: m["msg_type"] == "comm_msg")
    assert back["content"] == {"comm_id": "c1", "data": {"echo": {"b": 2}}} and bytes(back["buffers"][0]) == b"bytes"
    assert back["parent_header"]["msg_id"] == id
    assert kernel.ask("comm_info_request", {"target_name": "test"})["comms"] == {"c1": {"target_name": "test"}}
    send_comm(kernel, "comm_close", {"comm_id": "c1", "data": {}})
    assert kernel.value("received") == [("open", {"a": 1}), {"b": 2}, "closed"]
    assert kernel.ask("comm_info_request", {})["comms"] == {}


def test_an_unknown_target_is_closed(kernel):
    send_comm(kernel, "comm_open", {"comm_id": "c2", "target_name": "nobody", "data": {}})
    closed = kernel.wait_for_iopub(lambda m: m["msg_type"] == "comm_close")
    assert closed["content"]["comm_id"] == "c2"


def test_comms_are_served_in_order_while_a_cell_awaits(kernel):
    kernel.ok(COMMS)
    id = kernel.send("import asyncio\nprint('on')\nwhile len(received) < 51: await asyncio.sleep(0.01)\nprint('all')")
    kernel.wait_for_text("on")
    send_comm(kernel, "comm_open", {"comm_id": "c3", "target_name": "test", "data": {}})
    for i in range(50):
        send_comm(kernel, "comm_msg", {"comm_id": "c3", "data": i})
    assert kernel.finish(id).status == "ok"
    assert kernel.value("received[1:]") == list(range(50))
    send_comm(kernel, "comm_close", {"comm_id": "c3", "data": {}})


def test_a_comm_handler_that_fails_is_shown(kernel):
    kernel.ok(COMMS)
    kernel.ok("def bad(c, message): c.on_msg(lambda m: 1 / 0)\ncomm.get_comm_manager().register_target('bad', bad)")
    send_comm(kernel, "comm_open", {"comm_id": "c4", "target_name": "bad", "data": {}})
    send_comm(kernel, "comm_msg", {"comm_id": "c4", "data": {}})
    # As an error, or through the logger of the comm package, where that is installed.
    kernel.wait_for_iopub(lambda m: m["msg_type"] in ("error", "stream") and "ZeroDivisionError" in str(m["content"]))
    assert kernel.ok("1").result == "1"


def test_ipywidgets(newest):
    done = newest.ok(
        "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nseen = []\n"
        "slider.observe(lambda change: seen.append(change['new']), 'value')\nslider"
    )
    view = done.of("execute_result")[0]["data"]["application/vnd.jupyter.widget-view+json"]
    opened = {c["comm_id"]: c for c in done.of("comm_open")}
    assert opened[view["model_id"]]["data"]["state"]["_model_name"] == "IntSliderModel"
    send_comm(newest, "comm_msg", {"comm_id": view["model_id"], "data": {"method": "update", "state": {"value": 42}, "buffer_paths": []}})
    assert newest.value("(slider.value, seen)") == (42, [42])
    done = newest.ok("out = ipywidgets.Output()\nwith out: print('captured')\nout.outputs, out.msg_id")
    assert done.status == "ok"


def test_anywidget(newest):
    done = newest.ok("import anywidget, traitlets\nclass W(anywidget.AnyWidget):\n    _esm = 'export default {}'\n    value = traitlets.Int(1).tag(sync=True)\nW()")
    assert "application/vnd.jupyter.widget-view+json" in done.of("execute_result")[0]["data"]


def test_inline_figures(newest):
    done = newest.ok("import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])")
    assert "image/png" in done.of("display_data")[0]["data"]
    done = newest.ok("import asyncio\nawait asyncio.sleep(0)\n_ = plt.plot([1, 2])")
    assert "image/png" in done.of("display_data")[0]["data"]
    done = newest.ok("%matplotlib inline\nfig, ax = plt.subplots(); ax.plot([3, 1]); fig")
    assert any("image/png" in c["data"] for c in done.of("display_data", "execute_result"))
    done = newest.run("plt.plot([1, 2]); 1/0")
    kinds = [m["msg_type"] for m in done.messages if m["msg_type"] in ("error", "display_data")]
    assert kinds == ["error", "display_data"]


def test_pandas(newest):
    done = newest.ok("import pandas\npandas.DataFrame({'a': [1, 2]})")
    assert "<table" in done.of("execute_result")[0]["data"]["text/html"]


def test_plotly(newest):
    done = newest.ok("import plotly.graph_objects as go\nfrom IPython.display import display\ndisplay(go.Figure(go.Bar(y=[1, 2])))")
    assert done.of("display_data")[0]["data"].keys() & {"application/vnd.plotly.v1+json", "text/html"}


def test_tqdm(newest):
    done = newest.ok("from tqdm.autonotebook import tqdm\nprint(tqdm.__module__)\nfor _ in tqdm(range(3)): pass")
    assert done.text().startswith("tqdm.notebook")  # it has found a notebook
    assert any("application/vnd.jupyter.widget-view+json" in c["data"] for c in done.of("display_data"))
    done = newest.ok("from tqdm import tqdm as plain\nfor _ in plain(range(3)): pass")
    assert "3/3" in done.text("stderr")


def test_rich(newest):
    done = newest.ok("import rich.console\nconsole = rich.console.Console()\nassert console.is_jupyter\nconsole.print('[bold]x[/bold]')")
    assert "text/html" in done.of("display_data")[0]["data"]


def test_jedi(newest):
    newest.ok("import jedi")
    found = newest.ask("complete_request", {"code": "import os\nos.path.joi", "cursor_pos": 20})
    assert any("join" in match for match in found["matches"])


def test_nest_asyncio(newest):
    newest.ok(
        "import nest_asyncio, asyncio\nnest_asyncio.apply()\n"
        "async def inner(): await asyncio.sleep(0.01); return 5\n"
        "value = asyncio.get_event_loop().run_until_complete(inner())"
    )
    assert newest.value("value") == 5
    assert newest.ok("await asyncio.sleep(0.01); 6").result == "6"
    newest.ok("import time\nprint('on')")
    id = newest.send("print('on')\nawait asyncio.sleep(30)")
    newest.wait_for_text("on")
    newest.interrupt()
    assert newest.finish(id).ename == "KeyboardInterrupt"

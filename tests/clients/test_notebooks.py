"""nbclient and papermill: a notebook executed from its first cell to its last, through the gateway."""

import nbformat
import papermill
import pytest
from jupyter_server.gateway import managers
from jupyter_server.gateway.gateway_client import GatewayClient
from kmuxd import TOKEN
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from programs import KERNELS

#: For outputs that come after the reply: 4 s by default, and then they are lost.
PATIENCE = 60
MANAGER = "jupyter_server.gateway.managers.GatewayKernelManager"


@pytest.fixture
def gateway(daemon, monkeypatch):
    daemon.add_kernelspec("python3", KERNELS["ipykernel"])
    GatewayClient.clear_instance()
    client = GatewayClient.instance()
    client.url, client.auth_token = daemon.url.rstrip("/"), TOKEN
    client.init_connection_args()
    # GatewayKernelClient opens its WebSocket without the token that its HTTP requests carry.
    connect = managers.websocket.create_connection
    monkeypatch.setattr(managers.websocket, "create_connection", lambda url, **more: connect(
        url, header={"Authorization": f"token {TOKEN}"}, **more))
    # Where a kernel does not answer within a second, jupyter_client asks its manager by this name.
    monkeypatch.setattr(managers.GatewayKernelManager, "_async_is_alive", managers.GatewayKernelManager.is_alive)
    yield daemon
    GatewayClient.clear_instance()


def notebook(*cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def printed(cell):
    """A print() may come in pieces."""
    return "".join(each.text for each in cell.outputs)


def test_nbclient(gateway):
    book = notebook("x = 6", "print(x * 7)", "x")
    NotebookClient(book, kernel_manager_class=MANAGER, iopub_timeout=PATIENCE).execute()
    assert printed(book.cells[1]) == "42\n"
    assert book.cells[2].outputs[0].data["text/plain"] == "6"
    assert gateway.get("kernels").json() == []


def test_nbclient_is_told_of_an_error(gateway):
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(notebook("1 / 0"), kernel_manager_class=MANAGER, iopub_timeout=PATIENCE).execute()
    assert gateway.get("kernels").json() == []


def test_papermill(gateway, tmp_path):
    book = notebook("n = 1", "print(n + 1)")
    book.cells[0].metadata.tags = ["parameters"]
    nbformat.write(book, tmp_path / "in.ipynb")
    done = papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", parameters={"n": 41},
                                      kernel_manager_class=MANAGER, progress_bar=False, iopub_timeout=PATIENCE)
    assert printed(done.cells[-1]) == "42\n"
    assert gateway.get("kernels").json() == []

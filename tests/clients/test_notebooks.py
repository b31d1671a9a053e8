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
    yield daemon
    GatewayClient.clear_instance()


def notebook(*cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def test_nbclient(gateway):
    book = notebook("x = 6", "print(x * 7)", "x")
    NotebookClient(book, kernel_manager_class=MANAGER).execute()
    assert book.cells[1].outputs[0].text == "42\n"
    assert book.cells[2].outputs[0].data["text/plain"] == "6"
    assert gateway.get("kernels").json() == []


def test_nbclient_is_told_of_an_error(gateway):
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(notebook("1 / 0"), kernel_manager_class=MANAGER).execute()
    assert gateway.get("kernels").json() == []


def test_papermill(gateway, tmp_path):
    book = notebook("n = 1", "print(n + 1)")
    book.cells[0].metadata.tags = ["parameters"]
    nbformat.write(book, tmp_path / "in.ipynb")
    done = papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", parameters={"n": 41},
                                      kernel_manager_class=MANAGER, progress_bar=False)
    assert done.cells[-1].outputs[0].text == "42\n"
    assert gateway.get("kernels").json() == []

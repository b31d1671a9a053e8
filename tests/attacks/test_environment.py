"""What a request may set in its kernel's environment, and whose it is."""

import json

import pytest
from kmuxd import wait_until

DENIED = ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GCONV_PATH", "GLIBC_TUNABLES", "PYTHONPATH", "PYTHONSTARTUP",
          "PYTHONHOME", "BASH_ENV", "ENV", "IFS", "NODE_OPTIONS", "PERL5LIB", "PERL5OPT", "RUBYOPT", "OPENSSL_CONF",
          "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_USER", "KMUX_AUTH_TOKEN", "KMUX_KERNEL_DIR", "JPY_PARENT_PID", "LISTEN_FDS",
          "NOTIFY_SOCKET"]
# What JupyterLab's gateway client sends, and what people set.
FINE = {"KERNEL_USERNAME": "ann", "KERNEL_LAUNCH_TIMEOUT": "40", "KERNEL_FOO": "$(reboot)", "OMP_NUM_THREADS": "1", "HOME_OF": "x"}


def shell(daemon):
    """A kernelspec that tells its environment to the file OUT; each kernel of it needs an OUT of its own."""
    daemon.add_kernelspec("shell", ["/bin/sh", "-c", 'env > "$OUT.new"; mv "$OUT.new" "$OUT"; exec sleep 1000'])


def told(out):
    text = wait_until(lambda: out.exists() and out.read_text(), 60)
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize("name", DENIED)
def test_a_hook_or_a_variable_of_the_daemons_is_refused_by_its_name(daemon, name):
    for path, body in (("kernels", {"name": "echo", "env": {"MINE": "1", name: "/tmp/x"}}),
                       ("sessions", {"path": "n.ipynb", "kernel": {"name": "echo", "env": {name: "/tmp/x"}}})):
        answer = daemon.post(path, body)
        assert answer.status_code == 400
        assert f"may not set {name} " in answer.json()["message"] and "kernels.env_allow" in answer.json()["message"]
    assert daemon.get("kernels").json() == [] and daemon.get("sessions").json() == []


@pytest.mark.parametrize("body, status", [
    ('{"name": "echo", "env": {"LD_PRELOAD": null, "LD_PRELOAD": "/tmp/x"}}', 400),
    ('{"name": "echo", "env": {"LD_PRELOAD": "/tmp/x", "LD_PRELOAD": null}}', 400),
    ('{"name": "echo", "env": {"LD_PRELOA\\u0044": "/tmp/x"}}', 400),
    # RFC 8259 leaves open which of two members counts: here the first, for the judge and for the launch.
    ('{"name": "echo", "env": {}, "env": {"LD_PRELOAD": "/tmp/x"}}', 201),
    ('{"name": "echo", "env": {"ld_preload": "x", "LD_PRELOAD ": "/tmp/x"}}', 400),
])
def test_nothing_is_smuggled_by_how_it_is_written(daemon, body, status):
    answer = daemon.call("POST", "api/kernels", data=body)
    assert answer.status_code == status, answer.text
    for kernel in daemon.get("kernels").json():
        with open(f"/proc/{kernel['kmux']['pid']}/environ", "rb") as environment:
            assert b"LD_PRELOAD" not in environment.read()


def test_a_session_that_changes_its_kernel_is_judged_as_well(daemon):
    session = daemon.post("sessions", {"path": "n.ipynb", "kernel": {"name": "echo"}}).json()
    answer = daemon.call("PATCH", f"api/sessions/{session['id']}", json={"kernel": {"name": "echo", "env": {"LD_PRELOAD": "x"}}})
    assert answer.status_code == 400 and "LD_PRELOAD" in answer.json()["message"]
    assert [k["id"] for k in daemon.get("kernels").json()] == [session["kernel"]["id"]]


def test_what_gateway_clients_send_arrives(daemon):
    shell(daemon)
    out = daemon.directory / "out"
    kernel = daemon.kernel("shell", env={**FINE, "OUT": str(out), "KERNEL_ID": "0-0-0-0-0"})
    found = told(out)
    assert {**found, **FINE} == found
    assert found["KERNEL_ID"] == kernel, "what the daemon knows a kernel by is the daemon's to say"


def test_variables_are_of_one_request_alone(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\n', environment={"SECRET_OF_THE_DAEMON": "x", "JUPYTERHUB_API_TOKEN": "x"}).start()
    shell(daemon)
    outs = [daemon.directory / f"out{n}" for n in range(4)]
    for n, out in enumerate(outs):
        daemon.kernel("shell", env={"OUT": str(out), f"MINE_{n}": "1"})
    for n, out in enumerate(outs):
        found = told(out)
        assert [name for name in found if name.startswith("MINE_")] == [f"MINE_{n}"]
        assert not found.keys() & {"SECRET_OF_THE_DAEMON", "JUPYTERHUB_API_TOKEN", "KMUX_AUTH_TOKEN"}


def test_the_configuration_says_otherwise(make_daemon):
    daemon = make_daemon('[kernels]\necho = true\nenv_allow = ["PYTHONPATH"]\n').start()
    shell(daemon)
    out = daemon.directory / "out"
    daemon.kernel("shell", env={"OUT": str(out), "PYTHONPATH": "/mine"})
    assert told(out)["PYTHONPATH"] == "/mine"
    assert daemon.post("kernels", {"name": "echo", "env": {"PYTHONHOME": "x"}}).status_code == 400
    daemon.config.write_text('[kernels]\necho = true\nenv_deny = ["MY_*"]\n')
    daemon.process.send_signal(1)
    wait_until(lambda: "event=reloaded" in daemon.log.read_text())
    assert daemon.post("kernels", {"name": "echo", "env": {"MY_X": "x"}}).status_code == 400
    out = daemon.directory / "out2"
    daemon.kernel("shell", env={"OUT": str(out), "PYTHONHOME": "/mine"})
    assert told(out)["PYTHONHOME"] == "/mine"


def test_too_much_of_an_environment_is_refused(daemon):
    for env in ({f"V{n}": "x" for n in range(1001)}, {"V": "x" * 200_000}, {f"V{n}": "x" * 100_000 for n in range(20)},
                {"V": "a\0b"}, {"": "x"}, {"A B": "x"}, {"A=B": "x"}, {"1A": "x"}, {"Ä": "x"}, {"A\0B": "x"}, {"V": ["x"]}):
        answer = daemon.call("POST", "api/kernels", data=json.dumps({"name": "echo", "env": env}))
        assert answer.status_code == 400 and answer.json()["message"], env.keys()
    assert daemon.get("kernels").json() == []

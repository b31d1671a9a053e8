"""The example of the manual, on the ports and with the users of a test."""
import os
import sys

c = get_config()  # noqa: F821
W = os.environ["HUBDIR"]
PORT, HUB_PORT, API_PORT, KMUX_PORT = os.environ["HUB_PORTS"].split()
load_subconfig(os.environ["HUB_EXAMPLE"])  # noqa: F821

c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{HUB_PORT}/"
c.JupyterHub.db_url = f"sqlite:///{W}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{W}/cookie_secret"
c.JupyterHub.pid_file = f"{W}/hub.pid"
c.ConfigurableHTTPProxy.command = [os.environ["CHP"]]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{API_PORT}"
c.ConfigurableHTTPProxy.pid_file = f"{W}/proxy.pid"
c.JupyterHub.authenticator_class = "jupyterhub.auth.DummyAuthenticator"
c.DummyAuthenticator.password = "pw"
c.Authenticator.allowed_users = {"alice", "bob"}
c.Authenticator.admin_users = {"alice"}
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = W + "/home/{username}"
c.Spawner.ip = "127.0.0.1"
c.Spawner.env_keep = ["PATH", "LANG", "JUPYTER_PATH"]

kmux = os.environ["KMUX_PROGRAM"]
services = list(c.JupyterHub.services) if "services" in c.JupyterHub else []
for each in services:
    each["url"] = f"http://127.0.0.1:{KMUX_PORT}"
    each["command"] = [kmux, "--config", f"{W}/kmuxd.toml"]
    each["environment"] = {"KMUX_RUNTIME_DIR": f"{W}/run", "KMUX_STATE_DIR": f"{W}/state", "HOME": W,
                           "JUPYTER_PATH": os.environ["JUPYTER_PATH"]}
services.append({"name": "admin-script", "api_token": "a" * 40})
c.JupyterHub.services = services
c.JupyterHub.load_roles = [*c.JupyterHub.load_roles] if "load_roles" in c.JupyterHub else []
c.JupyterHub.load_roles.append(
    {"name": "adm", "scopes": ["admin:users", "admin:servers", "tokens", "access:services", "access:servers", "read:hub"],
     "services": ["admin-script"]})

if os.environ["HUB_EXAMPLE"].endswith("singleuser.py"):
    c.Spawner.cmd = [kmux, "--config", f"{W}/kmuxd.toml"]
    c.Spawner.environment["JUPYTER_PATH"] = os.environ["JUPYTER_PATH"]
    c.Spawner.environment["KMUX_RUNTIME_DIR"] = lambda spawner: f"{W}/run-{spawner.user.name}"
    c.Spawner.environment["JUPYTERHUB_ACTIVITY_INTERVAL"] = "1"
else:
    c.Spawner.cmd = [os.path.join(os.path.dirname(sys.executable), "jupyterhub-singleuser")]
    c.Spawner.args = ["--allow-root"]
    c.Spawner.environment["JUPYTER_GATEWAY_URL"] = f"http://127.0.0.1:{PORT}/services/kmux"

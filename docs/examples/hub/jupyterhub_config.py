# jupyterhub_config.py of compose.yaml. It is for trying: everybody is let in, and everybody's JupyterLab
# runs here as the Hub's own user. Put your authenticator and your spawner where it says so.
import os

c = get_config()  # noqa: F821
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/data/hub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/jupyterhub/data/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"  # here
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"  # and here
c.Spawner.args = ["--allow-root"]
c.JupyterHub.services = [{
    "name": "kmux",
    "url": "http://kmux:8888",
    "api_token": os.environ["KMUX_HUB_TOKEN"],
    "oauth_no_confirm": True,
}]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=kmux"]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=kmux"]},
]
c.Spawner.environment = {
    "JUPYTER_GATEWAY_URL": "http://hub:8000/services/kmux",
    "JUPYTER_GATEWAY_AUTH_TOKEN": lambda spawner: spawner.api_token,
}

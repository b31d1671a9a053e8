#pragma once
// JupyterHub's variables, for services and for single-user servers.
// https://jupyterhub.readthedocs.io/en/stable/reference/services.html

#include <string>

#include "config/load.hpp"

namespace kmux::config {

/// Fills c.hub where JUPYTERHUB_API_URL, JUPYTERHUB_API_TOKEN and JUPYTERHUB_SERVICE_PREFIX are
/// there. Where to listen and the base URL are the Hub's too, unless they were `told` by nearer
/// sources than a file.
struct told_nearer {
  bool listen = false, base_url = false;
};
void take_hub(const environment_map&, told_nearer told, config& c);

/// "127.0.0.1:18888" of a service's URL; a name that is no address of this machine's for certain
/// means all addresses. Empty where it has no port.
std::string listen_of_url(const std::string& url);

}  // namespace kmux::config

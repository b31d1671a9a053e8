"""What is downloaded and what it takes on a disk: packages and the image that ./dev bench has made."""

import os
import subprocess
import tempfile
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]
PODMAN = [*SUDO, "env", f"CONTAINERS_STORAGE_CONF={BUILD}/containers/storage.conf", "podman"]


def measure_sizes(row, note):
    for package in sorted((BUILD / "packages").glob("*.deb")):
        said = subprocess.run(["dpkg-deb", "-f", package, "Package", "Installed-Size"], capture_output=True, text=True, check=True).stdout
        fields = dict(line.split(": ") for line in said.splitlines())
        note(f"package {fields['Package']}", f"{package.stat().st_size / 1e6:.1f} MB, installed {int(fields['Installed-Size']) / 1024:.1f} MiB")
    with tempfile.TemporaryDirectory() as directory:
        archive = Path(directory, "image.tar")
        subprocess.run([*PODMAN, "save", "--quiet", "--format", "oci-archive", "--output", archive, "localhost/kmux"], check=True, capture_output=True)
        compressed = archive.stat().st_size / 1e6
    unpacked = int(subprocess.run([*PODMAN, "image", "inspect", "--format", "{{.Size}}", "localhost/kmux"],
                                  capture_output=True, text=True, check=True).stdout) / 1e6
    row("the image, without a scientific stack", f"{compressed:.0f} MB compressed, {unpacked:.0f} MB unpacked", "≤ 120 MB", compressed <= 120)

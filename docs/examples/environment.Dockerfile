# An image with an environment of one's own, made from kmux's: docker build -f environment.Dockerfile .
FROM kmux
USER root
RUN apt-get update && apt-get install -y --no-install-recommends python3-numpy python3-matplotlib \
  && rm -rf /var/lib/apt/lists/*
USER 1000:1000

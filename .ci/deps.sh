#!/usr/bin/env bash
# Installs the Debian packages that the tests drive. Does nothing where they are there.
set -euo pipefail
need=()
command -v chromium >/dev/null || need+=(chromium)
command -v strace >/dev/null || need+=(strace)
command -v zstd >/dev/null || need+=(zstd)
python3 -c 'import ensurepip' 2>/dev/null || need+=(python3-venv)
command -v javac >/dev/null || need+=(default-jdk-headless)
command -v mvn >/dev/null || need+=(maven)
[ ${#need[@]} -eq 0 ] && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${need[@]}" >/dev/null

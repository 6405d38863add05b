#!/usr/bin/env bash
# Installs the Debian packages that the tests drive. Does nothing where they are there.
set -euo pipefail
need=()
command -v chromium >/dev/null || need+=(chromium)
command -v strace >/dev/null || need+=(strace)
command -v zstd >/dev/null || need+=(zstd)
[ ${#need[@]} -eq 0 ] && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${need[@]}" >/dev/null

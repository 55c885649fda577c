#!/bin/sh
# What `azd up` runs before Bicep: the app does not start without an API key, so the first time one is made. Only its hash is kept.
set -eu
[ -z "${WEIR_SMOKE_KEY_HASH:-}" ] || exit 0

key="weir_$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n')"
azd env set WEIR_SMOKE_KEY_HASH "$(printf %s "$key" | openssl dgst -sha256 -r | cut -d' ' -f1)"
echo "The API key of this environment, which is kept nowhere else: $key"

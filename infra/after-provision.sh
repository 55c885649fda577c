#!/bin/sh
# What `azd up` runs after Bicep: builds the package and brings it to every app. azd hands the outputs of main.bicep over as variables.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '%s' "$FUNCTION_APPS" > "$work/apps.json"
./infra/package.sh "$work/weir.zip"
node infra/deploy.mjs --package "$work/weir.zip" --group "$AZURE_RESOURCE_GROUP" --apps "$work/apps.json"
node infra/smoke.mjs --url "$WEIR_URL" --tenant smoke
echo "Weir answers at $WEIR_URL"

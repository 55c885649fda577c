#!/usr/bin/env bash
# usage: infra/package.sh FILE.zip
# The package that is deployed: the app built with the packages of NuGet, not with src/AzureLocal.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
file=$(realpath -m "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Compiled ahead: a start is 0.2 s shorter, and the first ten thousand jobs take a tenth less processor time (bench/README.md).
dotnet publish src/Functions --configuration Release --runtime linux-x64 --self-contained false -p:PublishReadyToRun=true -p:AzurePackages=true --output "$folder" -nodeReuse:false
for assembly in AzureLocal.Storage.dll SQLitePCLRaw.core.dll; do
  if [[ -e "$folder/$assembly" ]]; then
    echo "The build took src/AzureLocal: $assembly is in the package."
    exit 1
  fi
done
rm -f "$file"
(cd "$folder" && zip --quiet --recurse-paths "$file" .)

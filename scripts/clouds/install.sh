#!/usr/bin/env bash
# Installs the cloud servers that the adapters are tested against, at pinned versions, into the folder given (outside the
# tree). Needs Go and npm. What is there already is kept.
set -euo pipefail
folder=${1:?usage: scripts/clouds/install.sh FOLDER}
mkdir -p "$folder/bin"
folder=$(cd "$folder" && pwd)

go_program() {
  local program=$1 package=$2
  [ -x "$folder/bin/$program" ] || GOBIN="$folder/bin" GOFLAGS=-mod=mod go install "$package"
}

go_program versitygw github.com/versity/versitygw/cmd/versitygw@v1.8.0
go_program fake-gcs-server github.com/fsouza/fake-gcs-server@v1.56.0
[ -d "$folder/node_modules/azurite" ] ||
  npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts azurite@3.35.0

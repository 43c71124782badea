#!/usr/bin/env bash
# Runs a Kubernetes control plane on loopback until its standard input ends.
#
#   tests/control_plane/run.sh BINARIES DIRECTORY ETCD_PORT API_PORT [controllers]
#
# Everything is kept in DIRECTORY: kubeconfig, token and reader-token, audit.log, certs/ and logs/. Whoever starts it
# holds its input open: however that process ends, the input ends with it, and the control plane and DIRECTORY go. When
# a part ends by itself, the others are ended and DIRECTORY stays, for its logs.
# With `controllers`, the controller manager, the scheduler and kwok (which plays the nodes) run, too.
set -euo pipefail
binaries=$1 directory=$2 etcd_port=$3 api_port=$4 controllers=${5:-}
certs=$directory/certs logs=$directory/logs
mkdir -p "$certs" "$logs"
# What runs in the background has no input of its own.
exec 3<&0

cleanup() {
  trap - EXIT
  # shellcheck disable=SC2046 # a list of numbers
  kill -KILL $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true
  if [[ ${part_ended:-} != yes ]]; then rm -rf "$directory"; fi
}
trap cleanup EXIT
trap 'exit 143' TERM INT

declare -A names
part() { # NAME ARGUMENTS…
  local name=$1
  shift
  # Should this script be killed, its parts are, too.
  setpriv --pdeathsig KILL "$binaries/$name" "$@" </dev/null >"$logs/$name.log" 2>&1 3<&- &
  names[$!]=$name
}

failed() { # WHO
  echo "$1 has ended" >"$logs/ended.log"
  part_ended=yes
  exit 1
}

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

openssl ecparam -name prime256v1 -genkey -noout -out "$certs/sa.key" 2>/dev/null
openssl ec -in "$certs/sa.key" -pubout -out "$certs/sa.pub" 2>/dev/null
random >"$directory/token"
random >"$directory/reader-token"
cat >"$certs/tokens.csv" <<TOKENS
$(cat "$directory/token"),admin,admin,"system:masters"
$(cat "$directory/reader-token"),reader,reader
TOKENS
cat >"$directory/audit-policy.yaml" <<POLICY
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Request
POLICY
cat >"$directory/kubeconfig" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: admin}}]
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$api_port", certificate-authority: "$certs/apiserver.crt"}}]
users: [{name: admin, user: {token: "$(cat "$directory/token")"}}]
KUBECONFIG

part etcd --data-dir="$directory/etcd" --unsafe-no-fsync --listen-peer-urls=http://127.0.0.1:0 \
  --listen-client-urls="http://127.0.0.1:$etcd_port" --advertise-client-urls="http://127.0.0.1:$etcd_port"
part kube-apiserver --etcd-servers="http://127.0.0.1:$etcd_port" --cert-dir="$certs" --bind-address=127.0.0.1 \
  --secure-port="$api_port" --service-cluster-ip-range=10.0.0.0/16 --allow-privileged=true \
  --disable-admission-plugins=ServiceAccount --authorization-mode=RBAC --token-auth-file="$certs/tokens.csv" \
  --service-account-issuer="https://127.0.0.1:$api_port/" --service-account-key-file="$certs/sa.pub" \
  --service-account-signing-key-file="$certs/sa.key" \
  --audit-log-path="$directory/audit.log" --audit-log-maxsize=100000 --audit-policy-file="$directory/audit-policy.yaml"

cat <&3 >/dev/null &
reader=$!

if [[ $controllers == controllers ]]; then
  # Without a server that is ready, they end.
  until "$binaries/kubectl" --kubeconfig="$directory/kubeconfig" --request-timeout=5s get --raw=/readyz >/dev/null 2>&1; do
    kill -0 "$reader" 2>/dev/null || exit 0
    (($(jobs -rp | wc -l) == 3)) || failed "etcd or kube-apiserver"
    sleep 0.2
  done
  # Nodes that are played tell of themselves too seldom for the usual patience, and a pod that was marked as not ready
  # with its node would stay so.
  part kube-controller-manager --kubeconfig="$directory/kubeconfig" --leader-elect=false --secure-port=0 \
    --service-account-private-key-file="$certs/sa.key" --use-service-account-credentials=false \
    --node-monitor-grace-period=24h \
    --controllers='*,-certificatesigningrequest-signing-controller'
  part kube-scheduler --kubeconfig="$directory/kubeconfig" --leader-elect=false --secure-port=0
  part kwok --kubeconfig="$directory/kubeconfig" --manage-all-nodes=true
fi

# The end of the input and the end of any part end everything.
wait -n -p ended || true
if [[ $ended != "$reader" ]]; then failed "${names[$ended]:-a part}"; fi

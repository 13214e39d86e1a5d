#!/usr/bin/env bash
# Runs the commands of docs/production.md on five machines with systemd, and loses three of them while a partner sends orders.
#
#   tests/production/run.sh PACKAGE
#
# PACKAGE is a Debian package of the service. The machines are containers of systemd-nspawn at a bridge of this one, whose names and
# addresses are those of the page. It needs root, Debian's mirrors, and half an hour at the most. What it leaves is a Debian in the build
# directory, from which the next run makes its machines, and packets that this machine forwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly PAGE=docs/production.md BRIDGE=orders0
declare -A ADDRESSES=([db1]=10.77.0.11 [db2]=10.77.0.12 [app1]=10.77.0.21 [app2]=10.77.0.22 [lb]=10.77.0.31)

say() { printf 'production: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

(($# == 1)) || { echo "usage: $0 PACKAGE" >&2; exit 2; }
((EUID == 0)) || die 'only root can make machines'
package=$(realpath "$1")
scripts/apt.sh debootstrap systemd-container iptables iproute2 openssh-client
mkdir -p "${CARGO_TARGET_DIR:-target}"
base=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/production
# Names and addresses are there once.
exec 9>"$base.lock"
flock --nonblock 9 || die 'it runs already'
work=$(mktemp -d /tmp/production.XXXXXX)

# The process of each machine: systemd-nspawn, and the first one inside.
declare -A NSPAWN=() INIT=()

clean_up() {
  local name
  kill -KILL "${INIT[@]}" "${NSPAWN[@]}" 2>/dev/null || true
  { wait; } 2>/dev/null
  # They go with their machines, but later than these.
  for name in "${!ADDRESSES[@]}"; do ip link del "vb-$name" 2>/dev/null || true; done
  iptables -t nat -D POSTROUTING -s 10.77.0.0/24 ! -d 10.77.0.0/24 -j MASQUERADE 2>/dev/null || true
  ip link del "$BRIDGE" 2>/dev/null || true
  rmdir /sys/fs/cgroup/orders-* 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- machines

make_base() {
  say "making a Debian 12 in $base"
  rm -rf "$base" "$base.new"
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,iproute2,openssh-server,openssh-client,ca-certificates,tzdata,curl,openssl \
    bookworm "$base.new" >"$work/debootstrap" || { tail "$work/debootstrap" >&2; die 'debootstrap failed'; }
  mkdir -p -m 700 "$base.new/root/.ssh"
  ssh-keygen -q -t ed25519 -N '' -f "$base.new/root/.ssh/id_ed25519"
  cp "$base.new/root/.ssh/id_ed25519.pub" "$base.new/root/.ssh/authorized_keys"
  echo 'StrictHostKeyChecking accept-new' >"$base.new/root/.ssh/config"
  ln -s /lib/systemd/system/systemd-networkd.service "$base.new/etc/systemd/system/multi-user.target.wants/"
  mv "$base.new" "$base"
}

make_machine() { # NAME
  local name other root=$work/$1
  name=$1
  cp -a "$base" "$root"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  echo "$name" >"$root/etc/hostname"
  printf '[Match]\nName=host0\n[Network]\nAddress=%s/24\nGateway=10.77.0.1\n' "${ADDRESSES[$name]}" \
    >"$root/etc/systemd/network/10-host0.network"
  {
    echo 127.0.0.1 localhost
    for other in "${!ADDRESSES[@]}"; do
      if [[ $other == lb ]]; then echo "${ADDRESSES[$other]} lb orders.example.com"; else echo "${ADDRESSES[$other]} $other"; fi
    done
  } >"$root/etc/hosts"
  # Under the name that the page has for it.
  [[ $name != app* ]] || cp "$package" "$root/root/$(grep -o 'sales-order-api_[^ ]*\.deb' "$PAGE" | head -n 1)"
  chroot "$root" apt-get -qq update
}

boot() { # NAME
  local name=$1 pid child
  # With a hierarchy of its own for its units, whatever this machine has.
  unshare --mount bash -ec "
    mount --make-rprivate /
    umount -R /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 none /sys/fs/cgroup
    mkdir -p /sys/fs/cgroup/orders-$name
    echo 0 >/sys/fs/cgroup/orders-$name/cgroup.procs
    exec systemd-nspawn --quiet --keep-unit --register=no --directory='$work/$name' --boot --machine=$name \
      --network-bridge=$BRIDGE --resolv-conf=off" </dev/null >"$work/$name.console" 2>&1 9<&- &
  pid=$!
  NSPAWN[$name]=$pid
  until child=$(pgrep -P "$pid" | tail -n 1) && [[ -n $child && $(cat "/proc/$child/comm" 2>/dev/null) == systemd ]]; do
    kill -0 "$pid" 2>/dev/null || { tail "$work/$name.console" >&2; die "$name did not start"; }
    sleep 0.2
  done
  INIT[$name]=$child
  wait_for "$name is up" 60 inside "$name" 'systemctl is-active --quiet multi-user.target'
}

# Pulls its plug.
lose() { # NAME
  say "losing $1"
  local init=${INIT[$1]}
  unset "INIT[$1]"
  kill -KILL "$init"
  { wait "${NSPAWN[$1]}" || true; } 2>/dev/null
  unset "NSPAWN[$1]"
  # Its bridge port goes with its network, but not at once.
  wait_for "$1 is gone" 30 is_gone "$1"
}

is_gone() { ! ip link show "vb-$1" >/dev/null; }

inside() { # NAME SCRIPT: as root in its home
  nsenter --target "${INIT[$1]}" --mount --uts --ipc --net --pid --cgroup --root --wd \
    env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    bash -euo pipefail -c "cd; $2"
}

wait_for() { # WHAT SECONDS COMMAND…
  local what=$1 deadline=$((SECONDS + $2))
  until "${@:3}" 2>/dev/null; do
    ((SECONDS < deadline)) || die "not within $2 s: $what"
    sleep 0.5
  done
}

# ---- the page

# Writes each block of commands into a file of its own: 01 and so on.
mkdir "$work/blocks"
awk -v folder="$work/blocks" '
  /^```sh$/ { name = sprintf("%s/%02d", folder, ++n); next }
  /^```$/ { name = ""; next }
  name { print > name }' "$PAGE"

run_block() { # FILE
  local head machines machine
  head=$(head -n 1 "$1")
  machines=${head##*on }
  for machine in $machines; do
    say "${1##*/} on $machine"
    inside "$machine" "$(cat "$1")" >"$work/output" 2>&1 || { cat "$work/output" >&2; die "failed on $machine: $(cat "$1")"; }
    sed "s/^/    /" "$work/output" | tail -n "${LINES_SHOWN:-12}"
  done
}

run_when() { # WHEN: the blocks that begin so
  local blocks block
  mapfile -t blocks < <(grep -lE "^# when $1, on " "$work"/blocks/* | sort)
  ((${#blocks[@]} > 0)) || die "$PAGE says nothing of the time when $1"
  for block in "${blocks[@]}"; do run_block "$block"; done
}

# Asks a server of PostgreSQL.
ask() { # NAME SQL
  inside "$1" "cd / && runuser -u postgres -- psql -v ON_ERROR_STOP=1 -At -F ' ' -d orders -c \"$2\""
}

# ---- the partner

answered() { inside lb 'grep -c "^20[01] " answers || true'; }

# So many more orders are answered.
orders_go_on() { # NUMBER
  local before
  before=$(answered)
  wait_for "orders go on ($1 more than $before)" 90 more_than $((before + $1))
  say "orders go on: $(answered), of other answers $(inside lb 'grep -vc "^20[01] " answers || true')"
}
more_than() { (($(answered) > $1)); }

begin_orders() {
  cp "$work"/app1/root/{private.pem,secret} "$work/lb/root/"
  cp "$work/app1/usr/bin/sales-order-api" "$work/lb/usr/local/bin/"
  cat >"$work/lb/root/partner" <<'END'
#!/bin/bash
# Sends one order after the other, each again under its key until it is answered.
cd /root
curl='curl -sS --max-time 10 --cacert orders.crt'
touch sending
for ((n = 1; ; n++)); do
  until [[ $status == 20[01] ]]; do
    [[ -e sending ]] || exit 0
    token=${token:-$($curl https://orders.example.com/api/v1/auth/login -H 'Content-Type: application/json' \
      -d '{"client_id": "versuni-client-001", "client_secret": "'"$(cat secret)"'"}' | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')}
    sales-order-api sign --private-key private.pem --client-id versuni-client-001 >signature
    answer=$($curl -w '\n%{http_code}' https://orders.example.com/api/v1/sales-orders -H "Authorization: Bearer $token" -H @signature \
      -H "Idempotency-Key: drill-$n" -H 'Content-Type: application/json' -d '{"customer_code": "CUST-001", "site_code": "SITE-001",
      "sales_name": "John Doe", "address": "Jl. Sudirman No. 1", "products": [{"product_code": "HD9650", "quantity": 2}]}' 2>&1)
    status=${answer##*$'\n'}
    number=$(grep -o "SO-[0-9]*" <<<"$answer" | head -n 1)
    echo "$status drill-$n ${number:-$(head -c 200 <<<"$answer" | tr '\n' ' ')}" >>answers
  done
  status=
done
END
  chmod 755 "$work/lb/root/partner"
  inside lb 'touch answers; systemd-run --quiet --unit=partner /root/partner'
  orders_go_on 5
}

# Every order that was answered is there, once, under the number that was told.
compare_orders() { # DATABASE
  inside lb 'rm sending; until ! systemctl is-active --quiet partner; do sleep 0.2; done'
  inside lb 'sed -n "s/^20[01] //p" answers | sort' >"$work/told"
  ask "$1" "SELECT substring(idempotency_key FROM 'drill-[0-9]+$'), order_number FROM sales_orders
    WHERE idempotency_key LIKE '%drill-%'" | sort >"$work/stored"
  say "orders that were answered: $(wc -l <"$work/told"), stored: $(wc -l <"$work/stored")"
  [[ -z $(cut -d ' ' -f 1 "$work/stored" | uniq -d) ]] || die 'an order was doubled'
  [[ -z $(comm -23 "$work/told" "$work/stored") ]] || die "lost: $(comm -23 "$work/told" "$work/stored" | head)"
  say "0 lost, 0 doubled; other answers: $(inside lb 'grep -v "^20[01] " answers | cut -d " " -f 1 | sort | uniq -c | tr "\n" " "')"
}

# ---- the drill

[[ -d $base ]] || make_base
ip link add "$BRIDGE" type bridge
ip addr add 10.77.0.1/24 dev "$BRIDGE"
ip link set "$BRIDGE" up
sysctl -qw net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -s 10.77.0.0/24 ! -d 10.77.0.0/24 -j MASQUERADE
for name in "${!ADDRESSES[@]}"; do
  make_machine "$name"
  boot "$name"
done

for block in "$work"/blocks/*; do
  head -n 1 "$block" | grep -q '^# when ' || run_block "$block"
done

inside app1 'journalctl --unit=sales-order-api --output=cat' | grep '"message":"listening"' >/dev/null || die 'the log of the service is not in the journal'
begin_orders
lose app1
orders_go_on 10
boot app1
wait_for 'app1 serves again' 60 inside app1 'sales-order-api health --config /etc/sales-order-api/config.toml'

lose db2
wait_for 'an order is answered 503' 90 inside lb 'grep -q ^503 answers'
run_when 'db2 is lost'
orders_go_on 10
boot db2
run_when 'db2 is back'
orders_go_on 10

[[ $(ask db1 'SELECT sync_state FROM pg_stat_replication') == sync ]] || die 'commits do not wait for db2'
lose db1
run_when 'db1 is lost'
orders_go_on 10
boot db1
run_when 'db1 is back'
orders_go_on 10
# With its new replica.
run_block "$(grep -l 'doctor --config' "$work"/blocks/*)"

run_when 'there is a newer version'
run_when 'the tables are those of the newer version'
run_when 'both instances are new'
orders_go_on 10
compare_orders db2

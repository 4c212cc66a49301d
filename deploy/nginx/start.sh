#!/bin/sh
# Fills in nginx.conf.template from the environment, and becomes nginx. All variables, none of which has to be set:
#
#   NGINX_WEBS                    web:8000     web processes, with spaces: name:port or address:port
#   NGINX_RESOLVER                             a name server, such as 127.0.0.11: names in NGINX_WEBS are looked up again
#                                              every 5 s, so that web processes may come and go (nginx 1.27.3 or newer)
#   NGINX_PORT, NGINX_TLS_PORT    8080, 8443   where it listens
#   NGINX_CERTIFICATE, NGINX_KEY               files: with them the site is served by TLS, and plain HTTP leads there
#   NGINX_PUBLIC_TLS_PORT         443          as people see it
#   NGINX_ACME                                 a folder with .well-known/acme-challenge/, served without TLS
#   NGINX_MEDIA                                MEDIA_ROOT as it is seen here, for SENDFILE=nginx
#   NGINX_STATIC                               STATIC_ROOT as it is seen here; else the site sends its static files itself
#   NGINX_TRUSTED_PROXIES                      addresses or networks of proxies in front of this one, with spaces
#   CONNECTIONS_PER_ADDRESS       256          how many connections one address may have; 0: any number
#   NGINX_PROCESSES               auto
#   NGINX_USER                                 whom its processes run as where root starts it: who owns MEDIA_ROOT, since
#                                              nobody else may read what lies there
#   NGINX_STATUS_PORT             8090         /up and /connections, for this machine (this container) alone
#   NGINX_RUN                     /tmp/nginx   a folder of its own that it may write to; for root /run/videoservice-nginx
#
# start.sh render prints the configuration and ends.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
webs=${NGINX_WEBS:-web:8000}
uid=$(id -u)
own=/tmp/nginx
[ "$uid" != 0 ] || own=/run/videoservice-nginx
run=${NGINX_RUN:-$own}
certificate=${NGINX_CERTIFICATE:-}
connections=${CONNECTIONS_PER_ADDRESS:-256}

stop() {
    echo "nginx/start.sh: $*" >&2
    exit 1
}

# What gets into the configuration has no character that means something there.
for name in NGINX_WEBS NGINX_RESOLVER NGINX_PORT NGINX_TLS_PORT NGINX_CERTIFICATE NGINX_KEY NGINX_PUBLIC_TLS_PORT NGINX_ACME \
    NGINX_MEDIA NGINX_STATIC NGINX_TRUSTED_PROXIES CONNECTIONS_PER_ADDRESS NGINX_PROCESSES NGINX_USER NGINX_STATUS_PORT NGINX_RUN; do
    eval "value=\${$name:-}"
    case $value in
    *[!A-Za-z0-9./:_\ -]*) stop "$name is \"$value\"; use letters, digits and . / : _ - alone." ;;
    esac
done
for file in ${NGINX_CERTIFICATE:-} ${NGINX_KEY:-}; do
    [ -r "$file" ] || stop "$file cannot be read. Look at NGINX_CERTIFICATE and NGINX_KEY."
done
[ -n "$certificate" ] && [ -z "${NGINX_KEY:-}" ] && stop "NGINX_CERTIFICATE is set and NGINX_KEY is not. Set both."

# 1.25.1 writes HTTP/2 in another way than those before.
newer() { [ "$(printf '%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]; }
version=$(nginx -v 2>&1 | sed 's/.*nginx\/\([0-9.]*\).*/\1/')
http2_old=" http2"
newer "$version" 1.25.1 && http2_old=
[ -z "${NGINX_RESOLVER:-}" ] || newer "$version" 1.27.3 ||
    stop "nginx $version looks names up once, when it starts. Use 1.27.3 or newer, or leave NGINX_RESOLVER empty."

# One that does not answer is left alone for two seconds, as asking it takes time. When that goes for all of them, all are
# asked: of those restarted one after the other the first is back before its time is over.
servers= all=
for web in $webs; do
    servers="$servers server $web${NGINX_RESOLVER:+ resolve} max_fails=2 fail_timeout=2s;"
    all="$all server $web${NGINX_RESOLVER:+ resolve} max_fails=0 backup;"
done
servers="$servers$all"
real_ip= geo=
for proxy in ${NGINX_TRUSTED_PROXIES:-}; do
    real_ip="$real_ip set_real_ip_from $proxy;" geo="$geo $proxy 1;"
done
public_tls_port=:${NGINX_PUBLIC_TLS_PORT:-443}
[ "$public_tls_port" = :443 ] && public_tls_port=

# Addresses of IPv6 only where the kernel has any.
listen() {
    printf 'listen %s default_server;' "$1"
    ! grep -qs . /proc/net/if_inet6 || printf ' listen [::]:%s default_server;' "$1"
}

# A switch keeps its lines where its second word is not empty, and takes them out elsewhere.
switch() {
    if [ -n "$2" ]; then printf 's/^\\( *\\)@%s@ /\\1/\n' "$1"; else printf '/^ *@%s@ /d\n' "$1"; fi
}
fill() { printf 's|@%s@|%s|\n' "$1" "$2"; }

rules() {
    switch user "${NGINX_USER:-}"
    switch tls "$certificate"
    switch plain "$([ -n "$certificate" ] || echo yes)"
    switch http2 "$([ -z "$certificate" ] || [ -n "$http2_old" ] || echo yes)"
    switch acme "${certificate:+${NGINX_ACME:-}}"
    switch media "${NGINX_MEDIA:-}"
    switch static "${NGINX_STATIC:-}"
    switch site "$([ -n "${NGINX_STATIC:-}" ] || echo yes)"
    switch resolver "${NGINX_RESOLVER:-}"
    switch limit "${connections#0}"
    fill USER "${NGINX_USER:-}"
    fill PROCESSES "${NGINX_PROCESSES:-auto}"
    fill RUN "$run"
    fill FILES "$here"
    fill TRUSTED_REAL_IP "$real_ip"
    fill TRUSTED_GEO "$geo"
    fill CONNECTIONS "$connections"
    fill RESOLVER "${NGINX_RESOLVER:-}"
    fill SERVERS "$servers"
    fill STATUS_PORT "${NGINX_STATUS_PORT:-8090}"
    fill LISTEN_PLAIN "$(listen "${NGINX_PORT:-8080}")"
    fill LISTEN_TLS "$(listen "${NGINX_TLS_PORT:-8443} ssl$http2_old")"
    fill ACME "${NGINX_ACME:-}"
    fill PUBLIC_TLS_PORT "$public_tls_port"
    fill CERTIFICATE "$certificate"
    fill KEY "${NGINX_KEY:-}"
    fill STATIC "${NGINX_STATIC:-}"
    fill MEDIA "${NGINX_MEDIA:-}"
}
render() { sed -e "$(rules)" "$here/nginx.conf.template"; }

if [ "${1:-}" = render ]; then
    render
    exit
fi
# Whoever can write there says what runs here: nobody else of this machine may have made it. Workers have to get through.
mkdir -p "$run"
[ ! -L "$run" ] && [ "$(stat -c %u "$run")" = "$uid" ] ||
    stop "$run belongs to somebody else, or leads to another place. Remove it, or set NGINX_RUN to a folder of your own."
chmod 711 "$run"
render >"$run/nginx.conf"
exec nginx -e stderr -c "$run/nginx.conf" -g "daemon off;"

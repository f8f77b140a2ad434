# Sourced by scripts: ports on 127.0.0.1.
#
#   listens PORT     whether something listens there
#   free_port        prints a port that nothing listens on, below those the system hands out for outgoing connections

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        listens "$port" || { echo "$port"; return; }
    done
}

#!/usr/bin/env bash
# gunicorn 27.0.1 (PyPI, Python 3.11): every gunicorn opens a control socket, by default at a path that depends on the user only.
#
# Guess beforehand: gunicorn listens at the addresses that it is told, and leaves nothing in the home folder; if there is a control
# socket, a second gunicorn of the same user takes a path of its own or says that this one is in use.
# Seen: two services of one user say that they listen at the same path, neither warns, and the second answers there. When
# it stops, the path is gone, and the first, which goes on serving, cannot be reached by gunicornc any more.
# Consequence: with two shops, or a shop and its staging, under one user, `gunicornc` acts on whichever began last. Give each
# service --control-socket of its own, or --no-control-socket.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gunicorn==27.0.1
cat >"$folder/app.py" <<'PYTHON'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served\n"]
PYTHON
mkdir "$folder/home"
unset XDG_RUNTIME_DIR
serve() { # name
    (cd "$folder" && exec env HOME="$folder/home" venv/bin/gunicorn --bind "unix:$folder/$1.sock" app:app) 2>"$folder/$1.log" &
    for _ in $(seq 100); do
        grep -q "Control socket" "$folder/$1.log" && return
        sleep 0.1
    done
}
control() { find "$folder/home" -name '*.ctl' | sed "s|$folder/home|HOME|"; }
serve first
serve second
second=$!
{
    grep -ho "Control socket listening at.*" "$folder/first.log" "$folder/second.log" | sed "s|$folder/home|HOME|"
    echo "warnings: $(cat "$folder"/*.log | grep -cE '\[(WARNING|ERROR)\]' || true)"
    echo "there: $(control)"
    kill "$second"
    wait "$second" || true
    echo "after the second has stopped: $(control)"
    echo "the first: $(curl --silent --unix-socket "$folder/first.sock" http://localhost/)"
} >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
Control socket listening at HOME/.gunicorn/gunicorn.ctl
Control socket listening at HOME/.gunicorn/gunicorn.ctl
warnings: 0
there: HOME/.gunicorn/gunicorn.ctl
after the second has stopped: 
the first: served
SEEN

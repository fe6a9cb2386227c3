#!/bin/sh
# Runs one Redis server for a parent process and ends it when the parent is gone, however it went.
#
#   redis-supervisor.sh <server program> <runtime folder>
#
# Standard input is a pipe whose other end only the parent holds. Its one line is the path of Redis's
# log and means "start"; its end means "stop", and comes by itself when the parent is killed.
# <runtime folder>/redis.conf is the configuration; the folder is removed at the end.
# What Redis logged last goes to standard error.

server=$1
runtime=$2

# A stop comes through the pipe alone, so that Redis outlives whoever still writes to it.
trap '' HUP INT TERM
exec 3<&0

if IFS= read -r log <&3; then
  "$server" "$runtime/redis.conf" </dev/null >>"$log" 2>&1 3<&- &
  redis=$!
  echo "$redis" >"$runtime/redis.pid"

  (
    read -r end <&3
    kill -TERM "$redis"
    tenths=0
    while [ "$tenths" -lt 100 ] && kill -0 "$redis"; do
      sleep 0.1
      tenths=$((tenths + 1))
    done
    kill -KILL "$redis"
  ) >/dev/null 2>&1 &
  watcher=$!

  wait "$redis"
  tail -n 15 "$log" >&2
  # The watcher ignores the gentler signals, as its parent does.
  kill -KILL "$watcher" 2>/dev/null
fi

rm -rf "$runtime"

#!/bin/sh
# Starts PostgreSQL. The first start makes the cluster, with one role and the databases of Dagster and
# MLflow; a start that was killed in the middle of that begins again.
set -eu
cluster=$PGDATA/cluster
if [ ! -d "$cluster" ]; then
  rm -rf "$PGDATA/new"
  initdb --pgdata="$PGDATA/new" --username=weather --pwfile=/dev/stdin --auth=scram-sha-256 --encoding=UTF8 <<PASSWORD
$POSTGRES_PASSWORD
PASSWORD
  for database in dagster mlflow; do
    echo "CREATE DATABASE $database;" | postgres --single -D "$PGDATA/new" postgres
  done
  echo "host all all all scram-sha-256" >>"$PGDATA/new/pg_hba.conf"
  mv "$PGDATA/new" "$cluster"
fi
exec postgres -D "$cluster" -c listen_addresses='*' -c unix_socket_directories=/tmp

#!/bin/sh
# Run once by the postgres image on an empty volume: a role without powers, and its database in the locale the
# embedded server uses too, so that a backup of one fits the other.
set -eu
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE callfloor LOGIN PASSWORD :'password';
CREATE DATABASE callfloor OWNER callfloor TEMPLATE template0 ENCODING UTF8
    LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST';
SQL

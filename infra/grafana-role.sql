-- The role with which Grafana reads the database: it sees the views alone, and changes nothing.
-- psql --file=grafana-role.sql, as the owner of the tables, with GRAFANA_DATABASE_PASSWORD in the environment, and
-- with CALIB_SCHEMA where calib.toml names a schema of its own.
\set ON_ERROR_STOP on
\getenv password GRAFANA_DATABASE_PASSWORD
\set schema public
\getenv schema CALIB_SCHEMA
SET search_path = :"schema";
SELECT 'CREATE ROLE grafana' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana') \gexec
ALTER ROLE grafana LOGIN PASSWORD :'password';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
ALTER ROLE grafana SET search_path = :"schema";
SELECT format('GRANT CONNECT ON DATABASE %I TO grafana', current_database()) \gexec
GRANT USAGE ON SCHEMA :"schema" TO grafana;
GRANT SELECT ON v_windows, v_bins, v_labels, v_alerts, v_mappings TO grafana;

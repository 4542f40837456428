-- Prefect keeps its own tables in a database of its own, beside those of calibwatch.
CREATE DATABASE prefect OWNER calib;

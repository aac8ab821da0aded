"""The warehouse: its file, dlt's folder, locks, dbt in this process, and the tables that the commands write beside."""

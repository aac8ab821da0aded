"""The command line: what can be typed, and every word that is printed."""

from dlt_pipeline.cli import commands as commands
from dlt_pipeline.cli import commands_files as commands_files
from dlt_pipeline.cli import commands_jobs as commands_jobs
from dlt_pipeline.cli.app import main as main
from dlt_pipeline.cli.app import process as process

"""The commands, thin: each calls the Python function of the same name and turns its errors into sentences."""

from dlt_pipeline.cli import archive as archive
from dlt_pipeline.cli import core as core
from dlt_pipeline.cli import follow as follow
from dlt_pipeline.cli import jobs as jobs
from dlt_pipeline.cli import price as price
from dlt_pipeline.cli import repair as repair
from dlt_pipeline.cli.app import main as main

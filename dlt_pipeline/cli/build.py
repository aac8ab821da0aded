"""What `build` does and says."""

from collections.abc import Sequence

from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.publish import partial_argument, publish_after_build
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.removal import told_removal
from dlt_pipeline.publishing.unchanged import remember
from dlt_pipeline.retention.retention import BY_AGE, KEEP_TRADES_DAYS, remove_trades, want_old_days
from dlt_pipeline.warehouse.database import require_trades, warehouse_path


def run_build(console: Console, arguments: Sequence[str]) -> int:
    """Build, publish if the whole is green, and say how it ended; 1 if a model, a test or publishing failed."""
    path = warehouse_path()
    require_trades(path)
    is_old_wanted = want_old_days(path)
    result = build_result(path, arguments)
    is_green = result.is_green
    if is_green:
        console.print(f"Built and checked: {path}", markup=False)
    else:
        console.print(
            f"The build of {path} is not green: see the failed models and tests above. Where candles differ from "
            "Kraken's, kraken.check_rest_candles and kraken.check_archive_candles have each field.",
            markup=False,
        )
    if is_green and is_old_wanted and not partial_argument(arguments):
        console.print(f"Trades beyond {KEEP_TRADES_DAYS}: {told_removal(remove_trades(path, BY_AGE))}", markup=False)
    lines, is_fine = publish_after_build(path, arguments, is_green)
    console.print("\n".join(lines), markup=False)
    if is_green and is_fine and not arguments:
        remember(path, result.state, result.warnings)
    return 0 if is_green and is_fine else 1

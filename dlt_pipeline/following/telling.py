"""One line of state a round."""

from dlt_pipeline.common.time import show_ns
from dlt_pipeline.following.round import Round


def tell_round(done: Round) -> str:
    """Say when it ended, what came, up to when the symbols are covered, and whether it is published or why not."""
    parts = [_loaded(done), *_failures(done), _published(done)]
    return f"{done.ended_at:%Y-%m-%d %H:%M:%S}  {'; '.join(part for part in parts if part)} ({done.seconds:.1f} s)"


def _loaded(done: Round) -> str:
    if not done.reached:
        return ""
    count = len(done.reached)
    text = f"{sum(done.trades.values()):,} trades; {count} symbol{'s' * (count > 1)} covered to "
    text += show_ns(min(done.reached.values()))
    missing = sum(done.missing_ids.values())
    return f"{text}; {missing:,} ids are missing at Kraken's side" if missing else text


def _failures(done: Round) -> list[str]:
    return [f"{symbol} FAILED: {str(error).rstrip('.')}" for symbol, error in done.failures.items()]


def _published(done: Round) -> str:
    how = "checked and published" if done.is_check else "published"
    if done.trouble:
        published = f"{how}, but then: " if done.published else "not published: "
        return f"{published}{str(done.trouble).rstrip('.')}; trying again"
    if done.published:
        return how
    if done.red:
        return f"not published: the {'check' if done.is_check else 'last check'} is RED: {done.red}"
    return "not published: nothing new" if not done.reached else "not published: stopped before"

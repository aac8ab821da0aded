"""The cheapest way to fill what is missing of a plan, its price, and the command that does it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from dlt_pipeline.common.time import NS_PER_DAY, show_ns
from dlt_pipeline.jobs.cheaper import archive_end
from dlt_pipeline.jobs.costs import Costs, calls_of
from dlt_pipeline.jobs.counting import Counter
from dlt_pipeline.jobs.plan_ranges import Span, State, Stretch
from dlt_pipeline.jobs.price import Estimate, days_between, iso, price_trades
from dlt_pipeline.kraken.settings import NS_PER_SECOND

Way = Literal["rest", "trades", "zip"]


@dataclass(frozen=True)
class PlanRange:
    """[start_ns, end_ns) (ns, UTC) and what covers it; where it is missing, the cheapest `way`, its price, a command.

    `price` is what loading the trades takes, None where nobody was asked. `calls` are those of the way; None for a
    download. `command` fills the range: by the OHLC endpoint where the way is `rest`; by an import of
    downloads and a load of what they lack where it is `zip`; else by trades.
    """

    start_ns: int
    end_ns: int
    state: State
    way: Way | None = None
    calls: int | None = None
    price: Estimate | None = None
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields for machines: times as ISO 8601 UTC."""
        fields = asdict(self)
        bounds = {"start": iso(fields.pop("start_ns")), "end": iso(fields.pop("end_ns"))}
        return bounds | fields | {"price": self.price.as_json() if self.price else None}


@dataclass(frozen=True)
class Planner:
    """Finds the way, the price and the command of each stretch that is missing.

    `trades` are the spans proven loaded, `reach` the time that the OHLC endpoint has candles of (None: never any);
    without a `counter` nobody is asked for prices.
    """

    symbol: str
    timeframe: str
    trades: list[Span]
    reach: Span | None
    now_ns: int
    costs: Costs
    counter: Counter | None

    def ranges(self, stretches: list[Stretch]) -> list[PlanRange]:
        """Return the stretches as ranges of the plan; neighbours that are filled in the same way become one."""
        found: list[PlanRange] = []
        for one in stretches:
            made = self._range(one)
            previous = found[-1] if found else None
            if previous and made.way is not None and previous.way == made.way:
                found[-1] = self._range(Stretch(previous.start_ns, made.end_ns, "missing"))
            else:
                found.append(made)
        return found

    def _range(self, one: Stretch) -> PlanRange:
        return self._missing(one) if one.state == "missing" else PlanRange(one.start_ns, one.end_ns, one.state)

    def _missing(self, one: Stretch) -> PlanRange:
        price = self._price(one)
        is_in_reach = self.reach is not None and self.reach[0] <= one.start_ns and one.end_ns <= self.reach[1]
        if is_in_reach:
            command, rest_calls = self._rest_command()
            if price is None or rest_calls < price.calls:
                return PlanRange(one.start_ns, one.end_ns, "missing", "rest", rest_calls, price, command)
        command = self._load_command(one.start_ns, one.end_ns, "none")
        is_zip = (
            price is not None and price.calls > self.costs.jobs.archive_calls and one.end_ns <= archive_end(self.now_ns)
        )
        if is_zip:
            command = f"{self._import_command(one.start_ns, one.end_ns)} && {command}"
        calls = None if is_zip or price is None else price.calls
        return PlanRange(one.start_ns, one.end_ns, "missing", "zip" if is_zip else "trades", calls, price, command)

    def _price(self, one: Stretch) -> Estimate | None:
        if self.counter is None:
            return None
        before = self.counter.calls
        counted = self.counter.count(one.start_ns, one.end_ns)
        return price_trades(
            self.costs,
            self.symbol,
            (one.start_ns, one.end_ns),
            [counted.trades],
            days=days_between(one.start_ns, one.end_ns),
            ids=(counted.first_trade_id, counted.last_trade_id),
            is_approximate=counted.is_approximate,
            asked_calls=self.counter.calls - before,
        )

    def _rest_command(self) -> tuple[str, int]:
        """Return the smallest load, which fetches the OHLC answer beside it, and its calls.

        A load inside what is proven asks for no trades; where nothing is, the last whole minute costs a call or two.
        """
        minute_ns = 60 * NS_PER_SECOND
        for start, end in reversed(self.trades):
            last = end // minute_ns * minute_ns
            if last - minute_ns >= start:
                return self._load_command(last - minute_ns, last, self.timeframe), 1
        last = self.now_ns // minute_ns * minute_ns
        calls = calls_of(0, self.costs.kraken.page_size) + 1
        return self._load_command(last - minute_ns, last, self.timeframe), calls

    def _import_command(self, start_ns: int, end_ns: int) -> str:
        """Return the import that fills the time from downloads; a load behind it asks for what these lack."""
        start, end = show_ns(start_ns)[:10], show_ns(end_ns - 1 + NS_PER_DAY)[:10]
        return f"kraken-candles import PATH --symbols {self.symbol} --start {start} --end {end}"

    def _load_command(self, start_ns: int, end_ns: int, timeframes: str) -> str:
        """Return the load of just this time; bounds that no clock of microseconds shows are widened to one."""
        start = iso(start_ns - start_ns % 1_000).removesuffix("Z")
        end = iso(-(-end_ns // 1_000) * 1_000).removesuffix("Z")
        return f"kraken-candles load {self.symbol} --start {start} --end {end} --exact --timeframes {timeframes}"

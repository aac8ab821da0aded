"""Arguments of builds that make only what a test reads."""


def only(*models: str) -> tuple[str, ...]:
    """Make these models and what they are made of; check nothing."""
    return ("--resource-type", "model", "--resource-type", "seed", "--select", *(f"+{model}" for model in models))


FOR_REPAIRS = only("coverage", "gaps", "rest_candles")

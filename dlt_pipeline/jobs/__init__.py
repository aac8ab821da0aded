"""Jobs on the warehouse: what they ask of the exchange, how they go, and what came of them."""

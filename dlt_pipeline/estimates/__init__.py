"""What a load would cost, and the cheapest way to fill what is missing."""

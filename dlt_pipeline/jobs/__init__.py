"""What lies around a load: its price before it begins, and what the warehouse still lacks."""

"""What other programs have: our candles and trades written as they read them, and their files compared with ours."""

"""What is done to a warehouse besides loading and building."""
